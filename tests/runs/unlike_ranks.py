"""One of several ranks on machines that differ; started by test_ranks.py under torchrun.

Each has other memory, another cache, clock, speed and other kernels than its neighbours. The
argument is a folder with a model's config.json.
"""

import os
import sys
from pathlib import Path

import pytest
import torch

from tests.runtime.unlike import plant
from truetpot.decode import fit
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.measure.ceiling import buffer_bytes
from truetpot.ops import ALL_REDUCE
from truetpot.ops.registry import Kernel, register
from truetpot.records.words import KernelStatus
from truetpot.runs import collectives, decode
from truetpot.runs.decode_outcome import Request
from truetpot.runs.ranks import RanksDifferError, check_same
from truetpot.runs.setting import find_setting
from truetpot.runtime.device import ClockInfo, Timing
from truetpot.runtime.distributed.join import join
from truetpot.runtime.distributed.placement import find_placement
from truetpot.runtime.distributed.watch import Watch

MIB = 1 << 20
RANK = int(os.environ["RANK"])
FREE = (512, 80, 300, 90)[RANK] * MIB
CACHE = (1, 4, 2, 1)[RANK] * MIB
PAIR_S = (1e-7, 2e-5, 1e-6, 1e-7)[RANK]
FASTER = (1, 16, 1, 4)[RANK]


def unlike(device):
    """Make it another machine than its neighbours'."""
    fit.MARGIN_BYTES = MIB
    time_calls = device.time_calls

    def timed(calls, *, elapsed=False):
        timing = time_calls(calls, elapsed=elapsed)
        return Timing(timing.device_s / FASTER, timing.wall_s, timing.enqueue_s)

    device.free_bytes = lambda: FREE
    device.cache_bytes = lambda: CACHE
    device.clock = lambda: ClockInfo("a clock", PAIR_S)
    device.time_calls = timed
    return device


def register_kernels():
    """Those that ranks have not alike, and a sum that all have."""
    plant(RANK)

    @register(ALL_REDUCE, provider="unlike", devices=("cpu",))
    class Sum(Kernel):
        def __call__(self, *, x):
            out = x.clone()
            torch.distributed.all_reduce(out)
            return out


def step(model, setting, group):
    """The same plan, kernels, calls in a sample, rounds, ladder and verdict everywhere."""
    shape = Workload(
        context=20, format="bf16", kv_format="bf16", dtype="bf16", tp=group.size, collectives=True
    )
    request = Request(
        model, shape, setting, group.rank, share=False, weights=None, seed=0, seconds=0.1
    )
    check_same(group, request.about())
    with pytest.raises(RanksDifferError, match="rank 1 has seed 1 and rank 0 0"):
        check_same(group, {"seed": str(group.rank)})
    outcomes = []

    class Heard(decode.DecodeWatch):
        def planned(self, outcome, set_aside):
            outcomes.append(outcome)

    ended = decode.run(request, watch=Heard())
    (outcome,) = outcomes
    record = ended.record
    assert ended.valid and record.finished, record.warnings
    assert outcome.plan.free_bytes == 80 * MIB - buffer_bytes(setting.device), "the least of all"
    assert set(record.providers.values()) <= {"torch", "unlike"}
    assert "unlike" not in {record.providers[name] for name in ("silu_mul", "attn_norm")}
    timed = [outcome.timings.step, *outcome.timings.everything]
    decided = [
        record.providers,
        [one.provider for one in record.collectives],
        list(record.ceiling.swept_gb_s),
        [(one.per_sample, len(one.device_s), one.stop) for one in timed],
        record.rungs,
        ended.valid,
    ]
    found = group.gather(decided)
    assert all(one == found[0] for one in found), found
    swept = [name for name in record.ceiling.swept_gb_s if name.startswith("unlike")]
    assert swept == ["unlike {'walk': 1}"]


def sums(model, setting, group):
    """The same results everywhere, those of a kernel that a rank lacks among them."""
    request = collectives.Request(
        ("all_reduce",), model, 1, setting, small=True, seconds=0.02, samples=False
    )
    ended = collectives.run(request)
    rows = [(row.provider, row.case, row.status, row.samples) for row in ended.record.results]
    assert group.gather(rows) == [rows] * group.size
    status = {(row.provider, row.status) for row in ended.record.results}
    assert {("torch", KernelStatus.OK), ("unlike", KernelStatus.OK)} <= status


def main():
    torch.set_num_threads(1)
    placement, model = find_placement(), load_model(Path(sys.argv[1]))
    with join(placement, "cpu", Watch(placement.rank, placement.size)) as group:
        register_kernels()
        setting = find_setting("cpu", ["unlike", "torch"], group=group)
        unlike(setting.device)
        assert setting.device.group is group
        step(model, setting, group)
        sums(model, setting, group)
        print("agreed", flush=True)


if __name__ == "__main__":
    main()
