"""Collectives side by side: a row a provider, size and way of submitting."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from truetpot.records.collectives import CollectiveRow
from truetpot.records.words import KernelStatus
from truetpot.report.numbers import microseconds
from truetpot.report.table import Table, name, number
from truetpot.report.words import words


def size(nbytes: int) -> str:
    """``0 B``, ``10 KiB``, ``64 MiB``."""
    for unit, scale in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if nbytes >= scale and nbytes % scale == 0:
            return f"{nbytes // scale} {unit}"
    return f"{nbytes:,} B"


def draw_collectives(results: Sequence[CollectiveRow]) -> RenderableType:
    """Times over all ranks, and the slowest rank's median where it is another."""
    names = (name(title) for title in ("op", "provider", "x", "submitted"))
    numbers = map(number, ("bytes", "p50 us", "p99 us", "slowest rank us", "GB/s"))
    table = Table(*names, *numbers, name("status"))
    reasons: dict[str, RenderableType] = {}
    for result in results:
        left = "used up" if result.in_place else "kept"
        figures = ["-"] * 4
        p50_s, p99_s, medians_s = result.p50_s, result.p99_s, result.rank_medians_s
        ok = result.status is KernelStatus.OK
        if ok and p50_s is not None and p99_s is not None and medians_s is not None:
            speed = result.algorithm_gb_s
            figures = [
                microseconds(p50_s),
                microseconds(p99_s),
                f"{microseconds(max(medians_s))} ({_slowest(medians_s)})",
                "-" if speed is None else f"{speed:.2f}",
            ]
        who = (result.op, result.provider, left, result.submitted)
        table.row(*who, size(result.payload_bytes), *figures, result.status)
        if result.reason:
            skipped = result.status is KernelStatus.SKIPPED
            of = "" if skipped else f" of {size(result.payload_bytes)}, x {left}"
            about = f"{result.provider} {result.op}{of}, {result.submitted}"
            reason = f"{about}: {result.status}: {result.reason}"
            reasons.setdefault(reason, words(reason, style="yellow"))
    return Group(table, *reasons.values())


def _slowest(values: Sequence[float]) -> int:
    """Which rank."""
    return max(range(len(values)), key=lambda i: values[i])
