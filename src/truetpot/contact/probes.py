"""What is asked of a device that no other command asks: ``python -m truetpot.contact.probes``.

Each is a step of ``truetpot contact`` and runs in a process of its own, so that a driver may hang
or crash in it. What the libraries log goes to standard error.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from truetpot.errors import KernelError, UserError
from truetpot.exits import ExitCode
from truetpot.facts.kinds import all_kinds
from truetpot.measure import record
from truetpot.measure.check import Args, prepare
from truetpot.measure.prepared import PreparedCase
from truetpot.ops.registry import REGISTRY, Kernel
from truetpot.ops.rms_norm import RMS_NORM, RmsNormCase
from truetpot.records.contact import ProbeRecord
from truetpot.records.store import write_record
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device

CALLS = 10
"""In a graph, between a pair of events, under the profiler."""
Found = dict[str, Any]


def events(device: Device) -> Found:
    """The clock of the device around nothing, and around calls of a kernel, beside the host's."""
    clock = device.clock()
    kernel, args = _kernel(device)
    timing = device.time_calls([lambda: kernel(**args)] * CALLS)
    return {
        "source": clock.source,
        "empty_pair_s": clock.empty_pair_s,
        "provider": kernel.provider,
        "device_s": timing.device_s,
        "wall_s": timing.wall_s,
        "enqueue_s": timing.enqueue_s,
        "free_bytes": device.free_bytes(),
        "cache_bytes": device.cache_bytes(),
        "notes": device.notes(),
    }


def graph(device: Device) -> Found:
    """Whether calls can be captured, and whether a replay gives what the calls gave.

    Raises KernelError where a device with graphs captures none, or a replay gives something else.
    """
    kernel, args = _kernel(device)
    want = device.download(kernel(**args))
    results: list[Any] = []
    replay = device.capture([lambda: results.append(kernel(**args))] * CALLS)
    if replay is None and device.graphs:
        raise KernelError(f"{device.name} has graphs, and captures no call of {kernel.provider}")
    if replay is None:
        return {"captured": False, "provider": kernel.provider}
    for array in results:
        device.poison(array)
    replay()
    device.synchronize()
    for array in results:
        if not np.array_equal(device.download(array).view(np.uint8), want.view(np.uint8)):
            raise KernelError("A replay of the graph gives other results than the calls in it")
    timing = device.time_replays(replay, CALLS)
    return {
        "captured": True,
        "provider": kernel.provider,
        "calls": CALLS,
        "replay_device_s": timing.device_s,
        "replay_wall_s": timing.wall_s,
    }


def profiler(device: Device) -> Found:
    """The kernels that torch's profiler sees of calls, with their times.

    Raises UserError where torch has no such activity for the device.
    """
    import torch

    from truetpot.runtime import profiled

    activity = profiled.activity(device.kind)
    if activity is None:
        raise UserError(f"This torch ({torch.__version__}) has no profiler for {device.kind}.")
    kernel, args = _kernel(device)
    calls = [lambda: kernel(**args)] * CALLS
    profile = profiled.profile([activity], calls, device.synchronize)
    seen = [
        {
            "name": row.key,
            "count": row.count,
            "device_s": row.self_device_time_total * 1e-6,
            "host_s": row.self_cpu_time_total * 1e-6,
        }
        for row in profile.key_averages()
    ]
    return {"activity": activity.name, "provider": kernel.provider, "calls": CALLS, "seen": seen}


PROBES: dict[str, Callable[[Device], Found]] = {
    "events": events, "graph": graph, "profiler": profiler,
}  # fmt: skip


def main(words: Sequence[str]) -> int:
    """``PROBE DEVICE --json FILE``; the exit code, as those of every command.

    A traceback goes to standard error.
    """
    probe, name, _, path = words
    logging.basicConfig(level=logging.INFO)
    try:
        device = choose_device(name)
        opening = record.opening(device)
        written = ProbeRecord(
            started=opening.started,
            command=opening.command,
            environment=opening.environment,
            partial=False,
            probe=probe,
            found=PROBES[probe](device),
        )
        write_record(written, path)
    except UserError as error:
        sys.stderr.write(f"truetpot: {error}\n")
        return ExitCode.MISTAKE
    except KernelError as error:
        sys.stderr.write(f"truetpot: {error}.\n")
        return ExitCode.INVALID
    except BaseException:  # noqa: BLE001  # whatever a driver's library raises is what is asked for
        traceback.print_exc()
        return ExitCode.CRASH
    return ExitCode.OK


def _kernel(device: Device) -> tuple[Kernel, Args]:
    """The first provider's RMS norm of 5120 values, warm, with its inputs."""
    REGISTRY.load_builtin()
    case = RmsNormCase("fp16", 1, 5120)
    selection = REGISTRY.choose(RMS_NORM.name, case, device, *all_kinds()[device.kind].providers)
    if selection.kernel is None:
        raise UserError(f"No kernel runs on {device.name}: {selection.reason}.")
    kernel = selection.kernel.make(case, device)
    args = prepare(kernel, PreparedCase(RMS_NORM, case, device).inputs)
    for _ in range(CALLS):
        kernel(**args)
    device.synchronize()
    return kernel, args


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
