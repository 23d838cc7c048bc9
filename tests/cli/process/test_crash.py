"""What nobody took: exit code 70, a sentence, the traceback in a file; nothing measured is lost."""

import subprocess
import sys
from pathlib import Path

import pytest

RAISING = """
import sys, threading
class Panic(BaseException): pass
def deep(*args): return deep(*args)
def fail(*args, **kwargs):
    raise {what}
def thread(*args, **kwargs):
    one = threading.Thread(target=fail); one.start(); one.join()
    return load("arc-a770")
from truetpot.facts import hardware
load = hardware.load_hardware
hardware.load_hardware = {how}
from truetpot.cli import main
main(["floor"])
"""
FAULTS = {
    "ours": ("KeyError('rope')", "fail", "KeyError: 'rope'"),
    "two lines": ("ValueError('a\\nb')", "fail", "ValueError: a"),
    "no words": ("RuntimeError()", "fail", "RuntimeError"),
    "control characters": ("RuntimeError('a\\x1b[2J')", "fail", "a\\x1b[2J"),
    "recursion": ("None", "deep", "RecursionError"),
    "a library's exit": ("SystemExit(0)", "fail", "SystemExit"),
    "a panic": ("Panic('no unk')", "fail", "Panic: no unk"),
    "end of file": ("EOFError('short')", "fail", "EOFError: short"),
    "a broken pipe that is not ours": ("BrokenPipeError(32, 'Broken pipe')", "fail", "BrokenPipe"),
}


def raising(run, what, how):
    return run(program=("-c", RAISING.format(what=what, how=how)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_our_own(run, tmp_path, name):
    what, how, says = FAULTS[name]
    done = raising(run, what, how)
    assert done.code == 70, done.err
    assert len(done.err.split("\n")) <= 3
    assert says in done.sentence
    (report,) = (tmp_path / "tmp").glob("truetpot-crash-*.txt")
    assert str(report) in done.sentence
    text = report.read_text()
    assert "Traceback (most recent call last)" in text
    assert ("in deep" if how == "deep" else "in fail") in text
    assert done.out == ""


def test_in_a_thread(run, tmp_path):
    done = raising(run, "KeyError('rope')", "thread")
    assert done.code == 0
    assert "KeyError: 'rope'" in done.sentence
    assert len([*(tmp_path / "tmp").glob("truetpot-crash-*.txt")]) == 1


def test_where_no_file_can_be_made(run, tmp_path):
    """Neither the temporary folder nor the usual ones, which a full disk is to Python as well."""
    nowhere = "KeyError('rope') if not setattr(__import__('tempfile'), 'mkstemp', no) else 0"
    code = RAISING.format(what=nowhere, how="fail")
    code = f"def no(*a, **k): raise OSError(28, 'No space left on device')\n{code}"
    done = run(program=("-c", code))
    assert done.code == 70
    assert "its place" in done.sentence


@pytest.mark.parametrize(
    "what",
    [
        "MemoryError()",
        "OSError(12, 'Cannot allocate memory')",
        "RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: you tried')",
        "RuntimeError('can\\'t start new thread')",
    ],
)
def test_too_little_memory_is_no_fault_of_ours(run, tmp_path, what):
    done = raising(run, what, "fail")
    assert done.code == 2
    assert "not enough memory" in done.sentence
    assert not [*(tmp_path / "tmp").iterdir()]


@pytest.mark.parametrize("limit", [250_000, 500_000])
def test_a_limit_of_memory(environment, limit):
    """By ``ulimit -v``, in KiB: neither is enough for torch."""
    words = [sys.executable, "-m", "truetpot", "kernels", "--small", "--op", "silu_mul"]
    shell = ["sh", "-c", f'ulimit -v {limit} && exec "$@"', "sh", *words, "--device", "cpu"]
    done = subprocess.run(shell, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode in (2, 70), done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("truetpot: ")]


LATE = """
import itertools, sys
from truetpot.measure import ceiling, kernels, step
from truetpot.runs import decode, kernels as several
from truetpot.ops.registry import REGISTRY
for module in (ceiling, decode, several):
    module.buffer_bytes = lambda device: 16 << 20
REGISTRY.load_builtin()
(numba,) = REGISTRY.kernels("memory_read", "numba")
numba.configs = lambda case, device: ({{}},)
race, left = step.race, itertools.count()
def failing(entrants, device, rule, on_round=None, *more):
    def on(used):
        on_round(used)
        if next(left) == 4:
            raise {what}
    return race(entrants, device, rule, on, *more)
step.race = failing
kernels.race = failing
from truetpot.__main__ import main
main()
"""


@pytest.mark.parametrize(("what", "code"), [("MemoryError()", 2), ("KeyError('late')", 70)])
def test_what_was_measured_is_kept(run, read, model, tmp_path, check_decode, what, code):
    file = tmp_path / "decode.json"
    args = ["decode", "--model", model, "--device", "cpu", "--provider", "torch", "--context", 20]
    done = run(*args, "--json", file, program=("-c", LATE.format(what=what)))
    assert done.code == code, done.err
    assert "Interrupted during timing" in done.out
    record = read(file)
    check_decode(record)
    assert record["partial"]
    assert record["step_timing"]["rounds"] == 5
    assert any("the run was ended by" in warning for warning in record["warnings"])


def test_what_was_measured_of_kernels_is_kept(run, read, tmp_path, check_kernels):
    file = tmp_path / "kernels.json"
    args = ["kernels", "--small", "--device", "cpu", "--provider", "torch", "--op", "silu_mul"]
    done = run(*args, "--json", file, program=("-c", LATE.format(what="KeyError('late')")))
    assert done.code == 70, done.err
    record = read(file)
    check_kernels(record)
    assert record["partial"]
    (result,) = record["results"]
    assert (result["status"], result["samples"]) == ("partial", 5)


def test_a_rank_that_crashes(run, model, tmp_path):
    (tmp_path / "kernels").mkdir()
    # the launcher starts python -m truetpot: the fault comes by a module that Python loads first
    (tmp_path / "kernels" / "sitecustomize.py").write_text(
        "import os\nif os.environ.get('RANK') == '1':\n"
        "    import truetpot.runs.decode as d\n"
        "    def fail(*a, **k): raise KeyError('late')\n"
        "    d._measure = fail\n"
    )
    args = ["decode", "--model", model, "--device", "cpu", "--provider", "torch", "--context", 20]
    more = ["--format", "bf16", "--tp", 2, "--seconds", 1]
    done = run(*args, *more, PYTHONPATH=str(tmp_path / "kernels"))
    assert done.code == 70, done.err
    assert "rank 1: " in done.sentence and "KeyError: 'late'" in done.sentence
    (report,) = (tmp_path / "tmp").glob("truetpot-crash-*.txt")
    assert "in fail" in Path(report).read_text()
