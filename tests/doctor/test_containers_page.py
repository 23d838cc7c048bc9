"""docs/containers.md says what doctor says: each sentence is of a tree that lacks the thing."""

import re
from pathlib import Path

import pytest

from truetpot.doctor.judge_cards import judge_cards
from truetpot.doctor.judge_container import judge_container
from truetpot.doctor.judge_device import judge_device
from truetpot.doctor.judge_host import judge_software
from truetpot.doctor.machine import look

PAGE = (Path(__file__).parents[2] / "docs/containers.md").read_text()
CPU = {"kind": "cpu", "name": "A Processor", "pci_address": None}


def one(made):
    made.card(1, 0xE211, made.X8, driver="xe")


def two(made):
    one(made)
    made.card(0x11, 0xE211, made.X8, driver="xe")
    made.container()


def without_node(made):
    one(made)
    (made.root / "dev/dri/renderD128").unlink()


def quota(made):
    made.status(cores="0-7")
    made.cgroup2(quota=200_000, periods=10, throttled=3)


def without_libraries(made):
    made.wsl(libraries=False)


def without_dxg(made):
    made.wsl(dxg=False)


def in_a_machine(made):
    made.passed_through(0xE211, "xe")


SAID = {
    "/dev/dri/renderD128 of ... is not here": (without_node, {}),
    "Intel's Level Zero driver was not found": (one, {}),
    "torch does not see the card": (one, {}),
    "a quota of ... of the ... cores": (quota, {}),
    "the processor was withheld in ... periods": (quota, {}),
    "/dev/shm has 64 MiB": (two, {}),
    "may not take open files of another process": (two, {}),
    "/dev/dri/by-path is not here": (two, {"CCL_ZE_IPC_EXCHANGE": "drmfd"}),
    "WSL2 without /dev/dxg": (without_dxg, {}),
    "/dev/dxg is here without Windows' libraries": (without_libraries, {}),
    "its link is unknown": (in_a_machine, {}),
}
ELSEWHERE = {"cannot be opened by this user; it is group ..."}
"""test_container.py has it, as it needs another user."""


def sentences(machine):
    for judge in (judge_cards, judge_container, judge_software):
        yield from judge(machine)
    yield from judge_device("cpu", CPU, machine)


@pytest.mark.parametrize("said", SAID)
def test_doctor_says_what_the_page_says(made, said):
    make, environment = SAID[said]
    make(made)
    assert f"`{said}`" in PAGE
    pattern = ".*".join(map(re.escape, said.split("...")))
    found = sentences(look(made.root, environment))
    assert [f for f in found if re.search(pattern, f"{f.what} {f.means}")]


def test_every_sentence_of_the_page_is_tried():
    quoted = {said for row in re.findall(r"(?:bad|warn|warns) (`[^|\n]*)", PAGE)
              for said in re.findall(r"`([^`]+)`", row)}  # fmt: skip
    assert quoted == SAID.keys() | ELSEWHERE
