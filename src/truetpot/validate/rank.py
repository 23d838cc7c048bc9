"""One rank of test ``collectives``: ``python -m truetpot.validate.rank WHAT DEVICE SETTING FILE``.

``time`` times sums and writes what rank 0 found; ``lose`` sums until a rank is killed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec

from truetpot.errors import KernelError, UserError
from truetpot.exits import ExitCode
from truetpot.facts.kinds import all_kinds
from truetpot.measure.collectives import CollectiveResult, fastest, measure_collectives, slowest_s
from truetpot.ops import ALL_REDUCE, AllReduceCase
from truetpot.ops.arrays import ITEMSIZE
from truetpot.ops.registry import REGISTRY
from truetpot.records.store import write_record
from truetpot.records.words import KernelStatus
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.runtime.distributed.join import join
from truetpot.runtime.distributed.placement import find_placement
from truetpot.runtime.distributed.watch import Watch, hold_signals
from truetpot.runtime.group import Group
from truetpot.stats import StopRule
from truetpot.validate.measured import Measured, Reading, Setting, errors

HIDDEN = 5120
"""Of a 32B model: a token's sum is of so many elements, 10 KiB."""
LARGE, SMALL_LARGE = 64 << 20, 1 << 20
"""Bytes: a prefill's, and where bandwidth alone counts."""
WRONG = (KernelStatus.WRONG, KernelStatus.INVALID)


def main(words: Sequence[str]) -> int:
    """Run one rank's part of a test; returns the process's exit code."""
    what, name, setting_text, path = words
    setting = msgspec.json.decode(setting_text, type=Setting)
    placement = find_placement()
    assert placement is not None
    hold_signals()
    watch = Watch(placement.rank, placement.size)
    try:
        with join(placement, name.partition(":")[0], watch) as group:
            device = choose_device(name, group)
            REGISTRY.load_builtin()
            if what == "time":
                measured = timed(device, setting)
                if placement.rank == 0:
                    write_record(measured, path)
                group.barrier()
            else:
                sum_for_ever(device, Path(path).with_suffix(f".{placement.rank}"))
    except (UserError, KernelError) as error:
        watch.fail(str(error))
    except Exception as error:  # noqa: BLE001  # the other ranks must not wait for this one
        traceback.print_exc()
        watch.fail(f"rank {placement.rank}: {error}", ExitCode.CRASH)
    return 0


def timed(device: Device, setting: Setting) -> Measured:
    """Both sizes, each sum checked against float64 before and after."""
    group = device.group
    dtype = all_kinds()[device.kind].dtype
    large = SMALL_LARGE if setting.small else LARGE
    rule = StopRule(seconds=setting.seconds / 2, min_samples=20, warmup_s=0.2)
    readings, wrong = [], []
    sizes = {"decode payload": HIDDEN, f"{large >> 20} MiB": large // ITEMSIZE[dtype]}
    for what, elements in sizes.items():
        case = AllReduceCase(dtype, 1, elements, group.size, in_place=True)
        results, finished = measure_collectives(ALL_REDUCE, [case], ("torch",), device, rule)
        if not finished:
            raise KeyboardInterrupt
        wrong += [one.reason for one in results if one.status in WRONG]
        best = fastest(results)
        if best is None:
            if not wrong:
                raise UserError(f"No sum could be timed: {results[0].reason}.")
            continue
        readings.append(_reading(what, best, group))
    readings.append(errors("wrong sums", len(wrong), "; ".join(dict.fromkeys(wrong))))
    found = {"ranks": group.size, "backend": group.backend}
    return Measured(readings=readings, found=found)


def _reading(what: str, best: CollectiveResult, group: Group) -> Reading:
    return Reading(
        name=f"all-reduce, {what}",
        value=slowest_s(best) * 1e6,
        unit="us",
        better="lower",
        note=f"{best.payload} bytes, {group.size} ranks over {group.backend}, "
        f"{best.submitted}, the slowest rank's median",
    )


def sum_for_ever(device: Device, begun: Path) -> None:
    """Until this process is ended. Makes ``begun`` after the first sum."""
    import torch
    import torch.distributed as dist

    where = device.torch
    ones = torch.ones(HIDDEN, device=where)
    while True:
        with device.group.waiting():
            dist.all_reduce(ones)
            device.synchronize()
        ones.fill_(1.0)
        device.group.progress()
        begun.touch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
