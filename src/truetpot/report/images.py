"""Kernels of device images: whose they are, the table of ours, and estimates for a shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from truetpot.records.images import ImagesRecord
from truetpot.records.isa import Inspection
from truetpot.report.isa import draw_kernels
from truetpot.report.numbers import count_of, digits
from truetpot.report.words import words


def draw_images(record: ImagesRecord, instructions: bool) -> RenderableType:
    """Packages with their licences, the table, ours for the same shape, what was left out."""
    parts: list[RenderableType] = [
        words((one.file, "bold"), f": licence {one.licence}; {count_of(one.kernels, 'kernel')}")
        for one in record.packages
    ]
    if record.kernels:
        parts.append(draw_kernels(record.kernels, instructions))
    if record.ours:
        parts += ["", words("ours", style="bold"), draw_kernels(record.ours, instructions)]
        parts += ["", *_estimates([*record.kernels, *record.ours])]
    reasons = Counter(one.reason for one in record.failed)
    for reason, count in reasons.items():
        parts.append(words(f"{count_of(count, 'kernel')} not counted: {reason}", style="red"))
    for name, why in record.left_out.items():
        parts.append(words(f"left out: {name}: {why}", style="yellow"))
    return Group(*parts)


def estimate_us(one: Inspection) -> float | None:
    """The tightest limit's time for its case; None without a case or a card."""
    if one.memory_us is None or one.issue_over_memory is None:
        return None
    ratios = (1.0, one.issue_over_memory, one.latency_over_memory, one.local_over_memory)
    return one.memory_us * max(ratio for ratio in ratios if ratio is not None)


def _estimates(rows: Sequence[Inspection]) -> list[Text]:
    """A line a kernel and target, the fastest first."""
    found = [(us, one) for one in rows if (us := estimate_us(one)) is not None]
    found.sort(key=lambda pair: (pair[1].target, pair[1].case, pair[0]))
    lines = [words("at least, by the tightest limit; an estimate that no card has confirmed")]
    for us, one in found:
        whose = one.provider if one.op == "image" else f"ours ({one.provider})"
        lines.append(
            words(f"   {one.target} {digits(us)} us  {whose} {one.name}; {one.case}; {one.verdict}")
        )
    return lines
