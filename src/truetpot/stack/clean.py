"""What of a trace cannot be true, found before anything is added up."""

from __future__ import annotations

import re

import numpy as np

from truetpot.records.trace import TraceFinding
from truetpot.stack.findings import finding, limit
from truetpot.stack.trace import Kernels, Trace

LONG_S = 5e-6
"""Kernels of at least this are compared: shorter ones have few ticks of a clock."""
MICROSECOND_TICKS = 10_000
"""Tenths of a nanosecond, in which times are compared."""
_PROFILER = re.compile(
    r"(?i)^(activity buffer|instrumentation|command buffer full|resource|buffer flush|overhead)"
)


def cleaned(trace: Trace) -> tuple[Kernels | None, list[TraceFinding]]:
    """The kernels whose times can be, and what was found wrong with the rest."""
    found = [finding("profiler-says", one) for one in trace.said]
    kernels = trace.kernels
    if kernels is None or not len(kernels):
        if kernels is not None and not trace.summary:
            text = (
                f"{trace.launches:,} launches, {trace.host_ops:,} operators of the host, no kernel."
            )
            found.insert(0, finding("no-device-records", text))
        return None if trace.summary else kernels, found
    kernels = _without(kernels, _profilers_own(kernels), "profiler-counted", found)
    negative = kernels.duration_s < 0
    kernels = _without(kernels, negative, "negative-times", found)
    hours = kernels.duration_s > limit("impossible-durations")
    kernels = _without(kernels, hours, "impossible-durations", found)
    return kernels, found


def doubts(kernels: Kernels, dependent: bool) -> tuple[bool, list[TraceFinding]]:
    """Whether the starts of one device's kernels can be used, and findings on its times.

    ``dependent``: a kernel may start before the one that it depends on ends.
    """
    found: list[TraceFinding] = []
    if not len(kernels):
        return False, found
    if text := _equal(kernels):
        found.append(finding("equal-durations", text))
    grids = kernels.grid[kernels.grid >= 0]
    zero = [i for i, one in enumerate(kernels.grids) if set(re.split(r"[x/]", one)) == {"0"}]
    if len(grids) and (lost := float(np.isin(grids, zero).mean())) > limit("shape-lost"):
        found.append(finding("shape-lost", f"{lost:.0%} of {len(grids):,} grids are zero."))
    if not kernels.timed:
        return False, found
    shared, most = _shared_starts(kernels)
    if shared > limit("collapsed-timestamps"):
        text = f"{shared:.0%} of {len(kernels):,} kernels share a start, up to {most:,} the same."
        return False, [*found, finding("collapsed-timestamps", text)]
    overlap = 0.0 if dependent else _overlap_in_streams(kernels)
    if overlap > limit("overlap-in-stream"):
        text = f"{overlap:.1%} of the busy time of a stream lies in two of its kernels."
        found.append(finding("overlap-in-stream", text))
    return True, found


def _without(kernels: Kernels, wrong: np.ndarray, id: str, found: list[TraceFinding]) -> Kernels:
    if not wrong.any():
        return kernels
    first = int(np.argmax(np.where(wrong, np.abs(kernels.duration_s), -1)))
    name = kernels.names[kernels.name[first]][:80]
    seconds = float(kernels.duration_s[first])
    found.append(
        finding(id, f"{int(wrong.sum()):,} of {len(wrong):,}, such as {name}: {seconds:,.6g} s.")
    )
    return kernels.take(~wrong)


def _profilers_own(kernels: Kernels) -> np.ndarray:
    own = [i for i, name in enumerate(kernels.names) if _PROFILER.match(name)]
    return np.isin(kernels.name, own)


def _equal(kernels: Kernels) -> str:
    """Evidence where many kernels take, to the last digit, what another one before them took.

    Among thousands of calls some of different kernels have one time by chance; neighbours seldom.
    """
    long = np.flatnonzero(kernels.duration_s >= LONG_S)
    if len(long) < 8:
        return ""
    # to a tenth of a nanosecond: what a file has in us with three digits is not binary
    ticks = np.round(kernels.duration_s[long] * 1e10).astype(np.int64)
    if not (ticks % MICROSECOND_TICKS).any():
        return ""  # the file has whole microseconds, as unitrace's chrome trace: equal by rounding
    names = kernels.name[long]
    equal = (ticks[1:] == ticks[:-1]) & (names[1:] != names[:-1])
    if equal.mean() <= limit("equal-durations"):
        return ""
    at = int(np.argmax(equal))
    one, other = (kernels.names[names[i]][:60] for i in (at, at + 1))
    return (
        f"{equal.sum():,} of {len(equal):,} kernels of 5 us and more take exactly as long as "
        f"another one before them: {one} and {other} take {ticks[at] / 1e4:.3f} us each."
    )


def _shared_starts(kernels: Kernels) -> tuple[float, int]:
    """Share of kernels that start with another of their stream, and the most at one start."""
    start = np.round(kernels.start_s * 1e9).astype(np.int64)
    pairs = np.stack([kernels.stream, start])
    counts = np.unique(pairs, axis=1, return_counts=True)[1]
    return float(counts[counts > 1].sum() / len(kernels)), int(counts.max())


def _overlap_in_streams(kernels: Kernels) -> float:
    """The worst stream's time that two of its kernels share, over its busy time."""
    worst = 0.0
    for stream in np.unique(kernels.stream):
        which = kernels.stream == stream
        if int(which.sum()) < 8:
            continue
        start, end = kernels.start_s[which], kernels.end_s[which]
        before = np.maximum.accumulate(end)[:-1]
        shared = np.maximum(0, np.minimum(end[1:], before) - start[1:]).sum()
        busy = (end - start).sum()
        worst = max(worst, float(shared / busy) if busy > 0 else 0.0)
    return worst
