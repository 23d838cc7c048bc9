"""Ranks on machines that differ in all that a decision rests on still do the same calls."""

import json

import pytest

from tests.cli.test_ranks import QUICK, Started, by_mpi, free_port
from tests.runtime.unlike import FOUND

# Loaded by every rank: makes its machine another one than its neighbour's, and writes down in which
# order it meets the other rank. The kernels are torch's, or wrong.
UNLIKE = '''
import json, os, time
import torch
from pathlib import Path
import truetpot.decode.fit as fit
from tests.runtime.unlike import plant
from truetpot.ops import ALL_REDUCE
from truetpot.ops.registry import Kernel, register
from truetpot.runs import decode
from truetpot.runtime import cpu
from truetpot.runtime.cpu import CpuDevice
from truetpot.runtime.device import ClockInfo
from truetpot.runtime.distributed.join import TorchGroup

HERE = Path(__file__).parent
RANK = int(os.environ["RANK"])
MIB = 1 << 20
os.environ["XDG_DATA_HOME"] = str(HERE / f"tuned-{RANK}")
fit.MARGIN_BYTES = MIB

free, cache, pair = [(512, 1, 1e-7), (80, 64, 2e-5)][RANK]
CpuDevice.free_bytes = lambda self: free * MIB
CpuDevice.cache_bytes = lambda self: cache * MIB
CpuDevice.clock = lambda self: ClockInfo("a clock", pair)
CpuDevice.graphs = RANK == 0
CpuDevice.capture = lambda self, calls: lambda: [call() for call in calls]
time_calls = CpuDevice.time_calls
if RANK == 1:  # a faster card: by itself it would want more calls in a bracket
    def faster(self, calls, *, elapsed=False):
        timing = time_calls(self, calls, elapsed=elapsed)
        return type(timing)(timing.device_s / 16, timing.wall_s, timing.enqueue_s)
    CpuDevice.time_calls = faster

finish = decode.Keeper.finish
def late(self, whole):
    finish(self, whole)
    time.sleep(4 * RANK)  # rank 0 is long through when this one comes to its end
decode.Keeper.finish = late

log = (HERE / f"met-{RANK}").open("w")
for name in ("agree", "least", "most", "gather", "barrier"):
    def meet(self, *given, _name=name, _real=getattr(TorchGroup, name)):
        found = _real(self, *given)
        print(_name, file=log, flush=True)
        return found
    setattr(TorchGroup, name, meet)

plant(RANK)

@register(ALL_REDUCE, provider="unlike", devices=("cpu",))
class Sum(Kernel):
    """Wrong on one rank only, and there in its first call."""

    def __call__(self, *, x):
        out = x.clone()
        torch.distributed.all_reduce(out)
        return out + RANK

@register(ALL_REDUCE, provider="steps", devices=("cpu",))
class Steps(Kernel):
    """In as many parts as it is tuned for, which have to be the other rank's too."""

    @classmethod
    def configs(cls, case, device):
        return ({"parts": 1}, {"parts": 2})

    def __call__(self, *, x):
        out = x.clone()
        for part in out.reshape(-1).chunk(self.given["parts"]):
            torch.distributed.all_reduce(part)
        return out

@register(ALL_REDUCE, provider="absent", devices=("cpu",))
class Absent(Kernel):
    """Which one of the ranks has not."""

    @classmethod
    def refuses(cls, case, device):
        return "no such library" if RANK == 0 else None

    def __call__(self, *, x):
        raise AssertionError("not every rank has it")
'''
TUNED = """
[all_reduce.steps."{case}"]
config = {{ parts = 2 }}
"""


@pytest.fixture
def unlike(tmp_path):
    """The folder, whose rank 1 has tuned what rank 0 has not."""
    from truetpot.ops import AllReduceCase
    from truetpot.ops.tuned import user_file
    from truetpot.runtime.cpu import CpuDevice

    folder = tmp_path / "unlike"
    file = folder / "tuned-1" / "truetpot" / "tuned" / user_file(CpuDevice()).name
    file.parent.mkdir(parents=True)
    case = AllReduceCase("bf16", 1, 128, 2, in_place=True)
    file.write_text(TUNED.format(case=case.label()))
    (folder / "unlike.py").write_text(UNLIKE)
    return folder


def test_a_step(model, unlike, tmp_path, check_decode):
    file = tmp_path / "step.json"
    options = ["--kernels", unlike, "--provider", "unlike,torch", "--tp", 2, "--seconds", 0.5]
    run = Started("decode", "--model", model, *QUICK, *options, "--json", file, **FOUND)
    code, _, sentences = run.end()
    assert (code, sentences) == (0, [])

    record = json.loads(file.read_text())
    check_decode(record)
    assert record["finished"]
    assert {row["rank"] for row in record["ranks"]} == {0, 1}
    swept = {name for name in record["ceiling"]["swept_gb_s"] if name.startswith("unlike")}
    assert swept == {"unlike {'walk': 1}"}, "what both have"
    assert "unlike" not in record["providers"].values(), "no kernel of it is on both ranks"
    assert record["plan"]["free_bytes"] == (80 - 20) << 20, "the least of both, less the buffer"
    ways = {(way["provider"], way["submitted"]): way for way in record["collectives"]}
    assert {submitted for _, submitted in ways} == {"eager"}, "one rank has no graphs"
    assert {way[0] for way in ways} == {"torch", "steps", "unlike"}
    assert ways["unlike", "eager"]["status"] == "wrong"
    assert "rank 1: error" in ways["unlike", "eager"]["reason"]
    assert ways["steps", "eager"]["status"] == "ok"
    met = [(unlike / f"met-{rank}").read_text().split() for rank in (0, 1)]
    assert met[0] == met[1]
    assert len(met[0]) > 100


@pytest.mark.exhaustive  # ranks that differ are told as in a step
def test_collectives(model, unlike, tmp_path, check_collectives):
    file = tmp_path / "collectives.json"
    options = ["--kernels", unlike, "--op", "all_reduce", "--small", "--seconds", 0.05]
    run = Started("kernels", *options, "--device", "cpu", "--tp", 2, "--json", file, **FOUND)
    code, _, sentences = run.end()
    assert (code, sentences) == (1, []), "one is wrong"
    record = json.loads(file.read_text())
    check_collectives(record)
    full = [way for way in record["results"] if way["payload_bytes"]]
    status = {(way["provider"], way["status"]) for way in full if way["provider"] != "symm_mem"}
    assert status == {("torch", "ok"), ("steps", "ok"), ("unlike", "wrong"), ("absent", "skipped")}
    met = [(unlike / f"met-{rank}").read_text().split() for rank in (0, 1)]
    assert met[0] == met[1]


ANY_KIND = (
    "import sys; from dataclasses import replace; from truetpot.facts.kinds import all_kinds; "
    "kinds = all_kinds(); kinds['xpu'] = replace(kinds['xpu'], backend='gloo'); "
    "sys.argv[0] = 'truetpot'; from truetpot.cli import main; main()"
)


def test_ranks_on_devices_of_two_kinds_are_told_so(model):
    """As ``auto`` may find on two machines."""
    port = free_port()
    decode = ["decode", "--model", model, *QUICK[2:], "--device"]
    first = by_mpi(0, 2, port, *decode, "cpu", program=("-c", ANY_KIND))
    other = by_mpi(1, 2, port, *decode, "xpu", program=("-c", ANY_KIND))
    ends = [run.end() for run in (first, other)]
    assert [code for code, *_ in ends] == [2, 2]
    (sentence,) = [line for *_, sentences in ends for line in sentences]
    assert "the device here is xpu and rank 0's is cpu" in sentence


def test_ranks_that_feed_other_tokens_are_told_so(model):
    port = free_port()
    decode = ["decode", "--model", model, *QUICK[:4], "--format", "bf16", "--tokens"]
    ends = [run.end() for run in [by_mpi(r, 2, port, *decode, f"1,2,{3 + r}") for r in (0, 1)]]
    assert [code for code, *_ in ends] == [2, 2]
    (sentence,) = [line for *_, sentences in ends for line in sentences]
    assert "rank 1 has tokens" in sentence
