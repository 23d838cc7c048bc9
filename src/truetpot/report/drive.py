"""A serving run on a live server: what it is, what single requests showed, a row a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import compress

from rich.console import Group, RenderableType

from truetpot.drive.plan import Step
from truetpot.drive.server import Server
from truetpot.records.drive import (
    CalibrationRow,
    CanaryRow,
    DifferenceRow,
    DrivePoint,
    DriveRecord,
    SeriesRow,
    Weight,
)
from truetpot.records.words import PointStatus
from truetpot.report.numbers import digits
from truetpot.report.serving import VERDICT_STYLE
from truetpot.report.table import Column, Table, name, number, prose
from truetpot.report.words import words

_STYLES = {Weight.STOP: "bold red", Weight.WARNING: "yellow", Weight.NOTE: "dim"}


def draw_server(server: Server, arm: str = "") -> RenderableType:
    """One line of a server: its name, version, model and URL."""
    told = f"{server.kind.title} {server.version}".strip()
    return words(f"{f'{arm}: ' if arm else ''}{server.model} on {told}, {server.url}")


def draw_canaries(canaries: Sequence[CanaryRow], prefix_cache: bool | None) -> RenderableType:
    """What single requests showed, the fault first."""
    lines = [
        words((f"{row.weight.value}: {row.what}. ", _STYLES[row.weight]), row.evidence)
        for row in canaries
    ]
    if not lines:
        lines.append(
            words("Single requests: lengths, counts and text are as asked for.", style="dim")
        )
    if prefix_cache:
        lines.append(
            words("The server has a prefix cache; no prompt of a point is sent in another.")
        )
    return Group(*lines)


def told(step: Step, rounds: int) -> str:
    """What is run next, in one line."""
    parts = [step.arm.name, f"{step.input} tokens", f"concurrency {step.concurrency}"]
    if rounds > 1:
        parts.append(f"round {step.round + 1} of {rounds}")
    return ", ".join(filter(None, parts))


def draw_points(record: DriveRecord) -> RenderableType:
    """One row a point, then series, differences of servers, and what was late and why."""
    columns, which = _which(record)
    server = any(point.server_ms is not None for point in record.points)
    heads = ["streams", "ttft ms", "ms a token", *(["by the server"] if server else []),
             "tokens/s", "tokens a step", "batch", "floor", "ceiling", "kernels",
             "step"]  # fmt: skip
    table = Table(*columns, *map(number, heads), name("verdict"), prose("why"))
    for point in record.points:
        style = VERDICT_STYLE[point.verdict] if point.verdict else ""
        table.row(*which(point), *_row(point, server), style=style)
    parts: list[RenderableType] = [table, *_costs(record)]
    if record.series:
        parts += ["", *map(_series, record.series)]
    if record.differences:
        parts += ["", *map(_difference, record.differences), *_texts(record)]
    return Group(*parts, *_late(record))


def _which(record: DriveRecord) -> tuple[list[Column], Callable[[DrivePoint], list[str]]]:
    """Columns for what there are several of, and their cells."""
    inputs = len({point.input_tokens for point in record.points}) > 1
    rounds = len({point.round for point in record.points}) > 1
    wanted = (bool(record.arms), inputs, rounds)

    def cells(point: DrivePoint) -> list[str]:
        told = (point.arm or "", str(point.input_tokens or ""), str((point.round or 0) + 1))
        return list(compress(told, wanted))

    return list(compress((name("server"), number("in"), number("round")), wanted)), cells


def _row(point: DrivePoint, server: bool) -> list[str]:
    if point.status is not PointStatus.OK:
        blanks = [""] * (9 + server)
        return [str(point.concurrency), *blanks, point.status.value, point.reason]
    own = [point.server_ms] if server else []
    times = (
        point.ttft_ms, point.token_ms, *own, point.tokens_per_s, point.tokens_a_step, point.batch,
        point.floor_ms, point.ceiling_ms, point.kernels_ms, point.step_ms,
    )  # fmt: skip
    shown = ["" if value is None else digits(value) for value in times]
    verdict = "" if point.verdict is None else point.verdict.value
    return [str(point.concurrency), *shown, verdict, point.why]


def _series(row: SeriesRow) -> RenderableType:
    """Base and slope beside the ladder's, and where the two part."""
    arm = f"{row.arm}: " if row.arm else ""
    if row.over == "depth":
        unit, at = "ms per 1,000 tokens of context", f"{row.at} streams"
    else:
        unit, at = "ms a sequence", f"{row.at:,} tokens of prompt"
    said = f"{arm}Over {row.over}, {at}: {_line(row.base_ms, row.slope_ms)} {unit}"
    ladder = [
        f"{what} {_line(base, slope)}"
        for what, base, slope in (
            ("step", row.step_base_ms, row.step_slope_ms),
            ("floor", row.floor_base_ms, row.floor_slope_ms),
        )
        if base is not None and slope is not None
    ]
    said += f" ({', '.join(ladder)})." if ladder else "."
    if row.residual is not None:
        said += f" No point is farther off the line than {row.residual:.1%}."
    if row.over == "concurrency" and len(row.ratios) == row.points:
        said += f" Times the step: {', '.join(f'{one:.2f}' for one in row.ratios)}; "
        said += (
            "the two do not part."
            if row.parts_at is None
            else f"the two part at {row.parts_at} streams: there the scheduler begins."
        )
    return words(said)


def _line(base_ms: float, slope_ms: float) -> str:
    """Base and slope; a machine that is not quiet gives a small slope any sign."""
    return f"{digits(base_ms)} ms {'-' if slope_ms < 0 else '+'} {digits(abs(slope_ms))}"


def _difference(row: DifferenceRow) -> RenderableType:
    said = (
        f"{row.arm} against {row.against}, {row.input_tokens:,} tokens, {row.concurrency} streams: "
        f"{digits(row.token_ms)} and {digits(row.against_ms)} ms a token, {row.ratio:.3f} times"
    )
    if row.low is None or row.high is None:
        return words(f"{said}; one round has no interval.")
    verdict = "" if row.says is None else f": {row.says.value}"
    return words(f"{said} ({row.low:.3f} to {row.high:.3f}, {row.rounds} rounds){verdict}.")


def _texts(record: DriveRecord) -> Iterator[RenderableType]:
    first, *others = record.arms
    for arm in others:
        if arm.differs_at is None:
            yield words(f"{arm.name} gives the text that {first.name} gives.", style="dim")
        else:
            yield words(
                f"{arm.name} gives another text than {first.name} from character {arm.differs_at} "
                "on: what differs in speed may differ in what it computes."
            )


def _costs(record: DriveRecord) -> Iterator[RenderableType]:
    for point in record.points:
        said = [f"{digits(value)} tokens a joule of {what}"
                for what, value in point.tokens_per_joule.items()]  # fmt: skip
        if said:
            yield words(
                f"{point.concurrency} streams: {', '.join(said)}, the load generator's start "
                "included.", style="dim"
            )  # fmt: skip


def _late(record: DriveRecord) -> Iterator[RenderableType]:
    for point in record.points:
        if point.calibration is not None:
            yield words(*_calibrated(point.concurrency, point.calibration))
    if record.anyway:
        yield words((f"Timed anyway, in spite of: {', '.join(record.anyway)}.", "bold red"))


def _calibrated(streams: int, row: CalibrationRow) -> list[str | tuple[str, str]]:
    told = (
        f"Client at {streams} streams: a stub that was to send a token every {row.asked_ms:.2f} ms "
        f"sent one every {row.sent_ms:.2f} ms, and it saw {row.seen_ms:.2f} ms"
    )
    if row.late:
        return [(f"{told}: late. The time per token may be the client's own.", "bold red")]
    return [f"{told}: it keeps up."]
