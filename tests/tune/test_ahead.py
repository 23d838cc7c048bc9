"""What comes next is compiled in other processes, and never while something is timed."""

import os
import time
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from tests.tune.simulated import SimulatedLab
from truetpot.ops import LinearCase, SiluMulCase
from truetpot.ops.registry import REGISTRY, Kernel
from truetpot.records.tuned import SearchKey
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.program import Programs
from truetpot.tune.ahead import Ahead, compilers
from truetpot.tune.compiling import CONTEXT_BYTES, processes
from truetpot.tune.progress import Log
from truetpot.tune.search import candidates, search
from truetpot.tune.subject import Subject

CASE = SiluMulCase("fp32", 1, 64)
LINEAR = LinearCase("fp32", 1, 64, 512, "fp32")
CRASHES, HANGS, RAISES = 100, 101, 102
SLOW = f"""
import os, signal, time
from pathlib import Path
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

def note(*words):
    with Path(os.environ["NOTES"]).open("a") as file:
        print(*words, os.getpid(), file=file, flush=True)

@register(SILU_MUL, provider="slow", devices=("cpu",))
class Slow(Kernel):
    def __call__(self, *, gate_up):
        raise AssertionError("it is only compiled")

    def compile(self):
        n = self.config["n"]
        note("begin", n)
        if n == {CRASHES}:
            os.kill(os.getpid(), signal.SIGSEGV)
        if n == {HANGS}:
            time.sleep(1000)
        if n == {RAISES}:
            raise RuntimeError("no such tile")
        time.sleep(0.05)
        note("end", n)
        return True
"""


@pytest.fixture
def subject(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "slow.py").write_text(SLOW)
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    return Subject("silu_mul", "slow", CASE, "cpu", folder)


@pytest.fixture
def noted(tmp_path):
    """Numbers of the configurations whose compilation began, or ended, and the processes' ids."""

    def read(what):
        file = tmp_path / "notes"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return {int(n): int(pid) for said, n, pid in lines if said == what}

    return read


@pytest.fixture
def ahead(subject):
    made = Ahead(subject, 2)
    yield made
    made.close()


def upcoming(numbers):
    return lambda count: [{"n": n} for n in numbers][:count]


def test_a_phase_compiles_as_many_as_there_are_processes_and_has_ended_then(ahead, noted):
    for trial in range(5):
        ahead.prepare(upcoming(range(trial, 5)))
        assert noted("begin") == noted("end")
        assert {*noted("end")} == {*range(min(5, 2 * (trial // 2 + 1)))}
    processes = {*noted("end").values()}
    assert len(processes) == 2 and os.getpid() not in processes
    assert (ahead.phases, ahead.compiled, ahead.used) == (3, 5, 5)
    ahead.close()
    assert not any(psutil.pid_exists(pid) for pid in processes)


def test_what_crashes_hangs_or_raises_there_only_costs_time(subject, noted):
    """It counts as not compiled; the others are, and the next phase has its processes again."""
    ahead = Ahead(subject, 3, limit_s=20.0)
    ahead.prepare(upcoming([0, 1, 2]))
    before = {*noted("end").values()}
    ahead.limit_s = 3.0
    start = time.monotonic()
    ahead.prepare(upcoming([CRASHES, HANGS, RAISES]))
    assert time.monotonic() - start < 60
    assert {*noted("begin")} == {0, 1, 2, CRASHES, HANGS, RAISES}
    assert not any(psutil.pid_exists(noted("begin")[n]) for n in (CRASHES, HANGS))
    ahead.limit_s = 20.0
    for n in (CRASHES, HANGS, RAISES):  # their trials: nothing is compiled once more
        ahead.prepare(upcoming([n, 3, 4]))
    assert 3 not in noted("begin")
    ahead.prepare(upcoming([3, 4, 5]))
    assert {3, 4, 5} <= {*noted("end")}
    assert len({*noted("end").values()} - before) == 2
    assert (ahead.phases, ahead.compiled, ahead.used) == (3, 6, 2)
    ahead.close()


def test_the_next_search_has_the_processes_of_the_one_before(subject, noted, tmp_path):
    other = replace(subject, case=SiluMulCase("fp32", 1, 128))
    with compilers() as at_hand:
        Ahead(subject, 2, processes=at_hand).prepare(upcoming([0, 1]))
        before = {*noted("end").values()}
        after = Ahead(other, 2, processes=at_hand)
        after.prepare(upcoming([2, 3]))
        assert {noted("end")[n] for n in (2, 3)} == before and len(before) == 2
        assert after.compiled == 2
    assert not any(psutil.pid_exists(pid) for pid in before)


@pytest.mark.parametrize("jobs", [0, 1])
def test_one_process_would_gain_nothing(subject, noted, jobs):
    ahead = Ahead(subject, jobs)
    ahead.prepare(upcoming([0, 1, 2]))
    assert noted("begin") == {} and ahead.record() is None


def test_where_nothing_compiles_there_is_one_phase(subject, tmp_path):
    """The other processes do not even find the kernel."""
    (tmp_path / "mine" / "slow.py").unlink()
    ahead = Ahead(subject, 2)
    for n in range(4):
        ahead.prepare(upcoming(range(n, 4)))
    assert (ahead.phases, ahead.compiled, ahead.used) == (1, 0, 0)


def test_a_search_tells_what_comes_next(tmp_path):
    """The first of what is told is the one that is looked at then; no more than the budget."""
    configs = [{"n": n} for n in range(12)]
    key = SearchKey(op="o", provider="p", case="c", device="d", versions={}, source="")
    lab, told = SimulatedLab(configs, [1.0] * 12, 0), []
    lab.prepare = lambda upcoming: told.append(upcoming(4))
    search(configs, lab, Log(tmp_path / "progress", key))
    assert [one[0] for one in told] == lab.asked == configs[1:]
    assert told[0] == configs[1:5] and told[-2:] == [configs[-2:], configs[-1:]]


def test_what_numba_compiles_no_other_process_finds():
    REGISTRY.load_builtin()
    cpu = choose_device("cpu")
    kernel = REGISTRY.choose("linear", LINEAR, cpu, "numba").required
    assert processes(kernel, LINEAR, cpu, 8) == 0


@pytest.mark.parametrize(
    ("free", "case_bytes", "count"), [(None, 0, 8), (16, 0, 8), (8, 0, 4), (16, 2, 2), (1, 0, 0)]
)
def test_processes_take_a_quarter_of_what_is_free(free, case_bytes, count):
    """GiB; a Triton kernel has its inputs in each."""

    class Card:
        kind = "cuda"
        free_bytes = staticmethod(lambda: None if free is None else free << 30)

    class Mine(Kernel):
        op = SimpleNamespace(bytes=lambda case: max(0, (case_bytes << 30) - CONTEXT_BYTES))

    assert processes(Mine, CASE, Card, 8) == count


@pytest.mark.opencl
@pytest.mark.skipif(not platforms.devices(), reason="no OpenCL: pip install 'truetpot[opencl]'")
def test_opencl_programs_are_found_compiled(tmp_path, monkeypatch):
    """The trial's own process reads them from disk, and compiles what no phase had."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    device, compiled = choose_device("opencl:cpu"), []
    real = Programs._compiled

    def counted(self, *args):
        compiled.append(args)
        return real(self, *args)

    monkeypatch.setattr(Programs, "_compiled", counted)
    REGISTRY.load_builtin()
    kernel = REGISTRY.choose("linear", LINEAR, device, "opencl").required
    assert processes(kernel, LINEAR, device, 2) == 2
    configs = candidates(kernel, LINEAR, device)[:5]
    ahead = Ahead(Subject("linear", "opencl", LINEAR, device.name, None), 2)
    for n in range(4):
        ahead.prepare(lambda count, n=n: configs[n:4][:count])
    ahead.close()
    assert (ahead.phases, ahead.compiled) == (2, 4)
    for config in configs:
        assert kernel(LINEAR, device, **config).functions
    assert len(compiled) == 1
