"""What a pair says, in sentences, the weightiest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truetpot.records.speculation import PairPoint, PairRow
from truetpot.serving.findings.words import count, ms, percent, times
from truetpot.serving.series import APART
from truetpot.serving.thresholds import limit


def says(row: PairRow) -> list[str]:
    """Of the points that can be compared; why not, where none can."""
    if not row.points:
        return ["Not comparable: no two runs are at the same context and batch."]
    if not row.comparable:
        of = [f"{one.what} ({one.with_it} with, {one.without} without)" for one in row.differs
              if one.decides]  # fmt: skip
        return [f"Not comparable: the two arms differ in {', '.join(of)}."]
    points = [point for point in row.points if point.gain is not None]
    if not points:
        return [f"Not comparable: {row.points[0].wrong}."]
    found = [_verdict(points, row.crossings)]
    if (ends := _ends(points)) is not None:
        found += _growth(*ends)
    found += _steps(points)
    return found


def _same(point: PairPoint) -> bool:
    return point.gain is not None and abs(point.gain - 1) <= limit("same")


def _faster(point: PairPoint) -> bool:
    return point.with_ms < point.without_ms


def _beside(point: PairPoint) -> str:
    """``1.56 times slower with speculation: 67.11 against 42.97 ms a token``"""
    pair = f"{ms(point.with_ms / 1e3)} a token with, {ms(point.without_ms / 1e3)} without"
    if _same(point):
        return f"as fast with speculation as without ({pair})"
    ratio = max(point.with_ms, point.without_ms) / min(point.with_ms, point.without_ms)
    word = "faster" if _faster(point) else "slower"
    return f"{times(ratio)} times {word} with speculation ({pair})"


def _verdict(points: Sequence[PairPoint], crossings: Sequence[float]) -> str:
    """Which arm is faster where."""
    first, last = points[0], points[-1]
    if len(points) == 1:
        return f"At context {count(round(first.context))} decoding is {_beside(first)}."
    text = (
        f"At context {count(round(first.context))} decoding is {_beside(first)},"
        f" at {count(round(last.context))} {_beside(last)}."
    )
    if crossings:
        where = " and ".join(count(round(each)) for each in crossings)
        return f"{text} The two cross at a context of about {where}, by straight lines."
    unlike = [point for point in points if not _same(point)]
    sides = {_faster(point) for point in points}
    if len(unlike) == len(points) and len(sides) == 1:
        word = "faster" if sides.pop() else "slower"
        text += f" Speculation is {word} at each of the {len(points)} points."
    return text


def _ends(points: Sequence[PairPoint]) -> tuple[PairPoint, PairPoint] | None:
    """The least and the largest context of one batch; None where they are near each other."""
    first, last = points[0], points[-1]
    if last.context < APART * max(1.0, first.context):
        return None
    if (
        first.batch
        and last.batch
        and max(first.batch, last.batch) > APART * min(first.batch, last.batch)
    ):
        return None
    return first, last


def _growth(first: PairPoint, last: PairPoint) -> Iterator[str]:
    """What depth costs each arm, and whose cost it is."""
    with_ms = last.with_ms - first.with_ms
    without_ms = last.without_ms - first.without_ms
    text = (
        f"From context {count(round(first.context))} to {count(round(last.context))} a token takes"
        f" {times(last.with_ms / first.with_ms)} times as long with speculation,"
        f" {times(last.without_ms / first.without_ms)} times without"
    )
    grew = last.with_ms / first.with_ms / (last.without_ms / first.without_ms)
    if with_ms <= 0 or grew < limit("weighting"):
        yield f"{text}."
        return
    depth = max(0.0, without_ms)
    yield (
        f"{text}. Depth alone added {ms(depth / 1e3)} to a token of the plain run; of the"
        f" {ms(with_ms / 1e3)} that it added with speculation, {ms((with_ms - depth) / 1e3)} at"
        " least are speculation's, not the cache's."
    )
    if first.step_ms and last.step_ms and first.tokens_per_step and last.tokens_per_step:
        yield (
            f"Steps with speculation took {times(last.step_ms / first.step_ms)} times as long"
            f" ({ms(first.step_ms / 1e3)}, then {ms(last.step_ms / 1e3)}), and gave"
            f" {times(last.tokens_per_step)} tokens instead of {times(first.tokens_per_step)}."
        )
        return
    text = (
        "How many tokens a step gave is not in the files: whether steps took longer or fewer"
        " drafts were accepted stays open"
    )
    if last.with_ms > last.without_ms * (1 + limit("same")):
        least = last.with_ms / last.without_ms
        text += (
            f"; but a step gives one token at least, so at context {count(round(last.context))} a"
            f" step took {times(least)} times a plain one or more"
        )
    yield f"{text}."


def _steps(points: Sequence[PairPoint]) -> Iterator[str]:
    """What a step with speculation costs, and what it has to give."""
    known = [point for point in points if point.step_over_plain and point.tokens_per_step]
    for point in {id(one): one for one in (known[:1] + known[-1:])}.values():
        over, gave = point.step_over_plain or 1.0, point.tokens_per_step or 1.0
        text = (
            f"At context {count(round(point.context))} a step with speculation took"
            f" {times(over)} times a plain one and gave {times(gave)} tokens"
            f" ({point.tokens_from})"
        )
        if point.floor_ms and point.step_ms:
            text += (
                f"; the weights and the cache, each read once, take {ms(point.floor_ms / 1e3)} at"
                f" least, {percent(point.floor_ms / point.step_ms)} of that step"
            )
        yield f"{text}."
