"""What torch.profiler tells of a device's kernels: how long they took, and a trace of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

Calls = Sequence[Callable[[], Any]]


def kernel_seconds(kind: str, calls: Calls, synchronize: Callable[[], None]) -> float | None:
    """The kernels' own seconds for each call, by their timestamps; None where there are none."""
    if (found := activity(kind)) is None:
        return None
    kernels = profile([found], calls, synchronize).key_averages()
    total_us = sum(one.self_device_time_total for one in kernels)
    return total_us * 1e-6 / len(calls) if total_us > 0 else None


def record_trace(kind: str, calls: Calls, synchronize: Callable[[], None], path: Path) -> None:
    """Chrome's trace of the kernels and of the host's launches; compressed if it ends in .gz."""
    activities = [torch.profiler.ProfilerActivity.CPU, activity(kind)]
    profile(activities, calls, synchronize).export_chrome_trace(str(path))


def activity(kind: str) -> Any:
    """What the profiler calls kernels of devices of this kind; None where this torch has none."""
    return getattr(torch.profiler.ProfilerActivity, kind.upper(), None)


def profile(activities: list[Any], calls: Calls, synchronize: Callable[[], None]) -> Any:
    """The profile of the calls, all of them done before it ends."""
    with torch.profiler.profile(activities=activities, acc_events=True) as found:
        for call in calls:
            call()
        synchronize()  # what still runs when the profiler stops has no end
    return found
