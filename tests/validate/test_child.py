"""The process that measures says by its exit code how it went, and ends with the one above it."""

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from truetpot.errors import KernelError, UserError
from truetpot.records.store import as_line
from truetpot.validate import child
from truetpot.validate.checks import collectives
from truetpot.validate.checks.collectives import Ranks
from truetpot.validate.measured import Measured, Setting, errors

SETTING = Setting(test="patterns", devices=["cpu"], seconds=0, level="quick", small=True)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """``run(raise_this)``: exit code, standard error and what was told before it."""

    def call(error):
        def measure(setting, tell):
            tell(Measured(readings=[errors("before", 0)]))
            raise error

        monkeypatch.setattr(child, "load", lambda test: SimpleNamespace(measure=measure))
        monkeypatch.setattr(child, "end_with_parent", lambda: None)
        code = child.main([as_line(SETTING), str(tmp_path / "m.json")])
        return code, capsys.readouterr().err, json.loads((tmp_path / "m.json").read_text())

    return call


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("No link; plug one in."), 2, "truetpot: No link; plug one in."),
        (KernelError("it misread"), 1, "truetpot: it misread"),
        (MemoryError(), 2, "Memory ran out"),
        (torch.OutOfMemoryError("2 GiB"), 2, "Device memory ran out"),
        (RuntimeError("device lost"), 70, "RuntimeError: device lost"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_exit_codes(run, error, code, said):
    ended, err, left = run(error)
    assert ended == code
    assert said in err
    assert left["readings"][0]["name"] == "before"


def test_a_child_whose_parent_is_killed_ends():
    code = (
        "import subprocess, sys, time\n"
        "inner = 'from truetpot.validate.child import end_with_parent; import time; '\\\n"
        "    'end_with_parent(0.1); time.sleep(600)'\n"
        "one = subprocess.Popen([sys.executable, '-c', inner])\n"
        "print(one.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    time.sleep(5.0)  # until it watches
    parent.kill()
    parent.wait()
    until = time.monotonic() + 60
    while _alive(pid):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ranks_that_do_not_end_are_told_and_ended(tmp_path, monkeypatch):
    """Others that hang although one of them was killed: the test does not hang with them."""
    (tmp_path / "stubborn.py").write_text(
        "import os, sys, time\n"
        "open(f\"{sys.argv[4].removesuffix('.json')}.{os.environ['RANK']}\", 'w')\n"
        "time.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(collectives, "RANK", "stubborn")
    monkeypatch.setattr(collectives, "END_S", 2.0)
    with Ranks(SETTING, tmp_path, "lose") as ranks:
        ranks.wait_for_start()
        lost = ranks.kill_one()
        pids = [one.pid for one in ranks._processes]
    assert lost.value >= 2.0 and lost.note == "rank 0 went on for 2 s"
    assert not any(map(_alive, pids))


def test_a_rank_that_fails_is_told_in_its_own_words(tmp_path, monkeypatch):
    (tmp_path / "failing.py").write_text(
        "import sys\nprint('truetpot: no such card', file=sys.stderr)\nsys.exit(2)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(collectives, "RANK", "failing")
    with Ranks(SETTING, tmp_path, "time") as ranks, pytest.raises(UserError, match="no such card"):
        ranks.wait(60)


def _alive(pid):
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
