"""What a child says of its position outlives it, however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from truetpot.runtime import running
from truetpot.runtime.running import Left, Position, encoded, kept, left, prepare

CHILD = """
import os, signal, sys
from truetpot.runtime import running
here = running.supervised()
assert running.VARIABLE not in os.environ
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
here.enter(running.encoded("mine silu_mul (m=1)"))
{end}
"""


def child(folder, end):
    prepare(folder, {})
    before = signal.pthread_sigmask(signal.SIG_BLOCK, running.SIGNALS)
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD.format(end=end)],
            env={**os.environ, running.VARIABLE: str(folder)},
            check=False,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return done.returncode, left(folder)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os._exit(0)", 0),
        ("os.abort()", -signal.SIGABRT),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    ],
)
def test_the_end_of_a_child(tmp_path, end, code):
    assert child(tmp_path, end) == (code, Left("mine silu_mul (m=1)", True, "", None))


def test_a_child_that_came_to_its_end(tmp_path):
    code, last = child(tmp_path, "here.leave(); here.finish(1); os._exit(0)")
    assert (code, last) == (0, Left("mine silu_mul (m=1)", False, "", 1))


def test_a_child_that_gave_up(tmp_path):
    code, last = child(tmp_path, "here.give_up('cuda:0 no longer answered')")
    assert (code, last.lost) == (1, "cuda:0 no longer answered")


def test_a_kernel_within_another_ones_code(tmp_path):
    prepare(tmp_path, {})
    here = Position(tmp_path)
    assert left(tmp_path) == Left("", False, "", None)
    outer = here.enter(encoded("outer"))
    inner = here.enter(encoded("inner"))
    assert left(tmp_path).who == "inner"
    here.leave(inner)
    assert left(tmp_path) == Left("outer", True, "", None)
    here.leave(outer)
    assert left(tmp_path) == Left("outer", False, "", None)


def test_a_name_of_any_length_and_language(tmp_path):
    prepare(tmp_path, {})
    here = Position(tmp_path)
    here.enter(encoded("ключ " * 1000))
    assert left(tmp_path).who.startswith("ключ ключ")
    assert left(tmp_path).code is None


def test_who_is_not_called_again(tmp_path):
    prepare(tmp_path, {"mine silu_mul (m=1)": "ended it", "mine linear": "ended it 8 times"})
    here = Position(tmp_path)
    assert here.refused("mine silu_mul (m=1)") == "ended it"
    assert here.refused("mine silu_mul (m=2)") == ""
    assert here.refused("mine linear (m=2) with tile=4") == "ended it 8 times"


def test_what_is_left_for_the_next_child(tmp_path):
    prepare(tmp_path, {})
    here = Position(tmp_path)
    assert (here.get("rows"), kept(tmp_path)) == (None, None)
    here.put("rows", b"1")
    here.put("rows", b"2")
    here.keep({"valid": True}, "-", going_on=False)
    prepare(tmp_path, {"mine": "ended it"})
    again = Position(tmp_path)
    assert again.get("rows") == b"2"
    assert kept(tmp_path) == ({"valid": True}, "-", False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "blamed.json", "now", "record.json", "rows",
    ]  # fmt: skip
