"""A serving run on a live server: what it is, what single requests showed, a row a point."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType

from truetpot.drive.server import Server
from truetpot.records.drive import CalibrationRow, DrivePoint, DriveRecord, Weight
from truetpot.records.words import PointStatus
from truetpot.report.numbers import digits
from truetpot.report.serving import VERDICT_STYLE
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

_STYLES = {Weight.STOP: "bold red", Weight.WARNING: "yellow", Weight.NOTE: "dim"}


def draw_server(server: Server) -> RenderableType:
    """Name, version and model."""
    told = f"{server.name} {server.version}".strip() or "a server that does not tell its name"
    return words(f"{server.model} on {told}, {server.url}")


def draw_canaries(record: DriveRecord) -> RenderableType:
    """What single requests showed, the fault first."""
    lines = [
        words((f"{row.weight.value}: {row.what}. ", _STYLES[row.weight]), row.evidence)
        for row in record.canaries
    ]
    if not lines:
        lines.append(
            words("Single requests: lengths, counts and text are as asked for.", style="dim")
        )
    if record.prefix_cache:
        lines.append(
            words("The server has a prefix cache; no prompt of a point is sent in another.")
        )
    return Group(*lines)


def draw_points(record: DriveRecord) -> RenderableType:
    """One row a point, then what was late and why."""
    heads = ("streams", "ttft ms", "ms a token", "tokens a step", "batch", "floor", "ceiling",
             "kernels", "step")  # fmt: skip
    table = Table(*map(number, heads), name("verdict"), prose("why"))
    for point in record.points:
        table.row(*_row(point), style=VERDICT_STYLE[point.verdict] if point.verdict else "")
    return Group(table, *_late(record))


def _row(point: DrivePoint) -> list[str]:
    if point.status is not PointStatus.OK:
        blanks = [""] * 8
        return [str(point.concurrency), *blanks, point.status.value, point.reason]
    times = (
        point.ttft_ms, point.token_ms, point.tokens_a_step, point.batch, point.floor_ms,
        point.ceiling_ms, point.kernels_ms, point.step_ms,
    )  # fmt: skip
    shown = ["" if value is None else digits(value) for value in times]
    verdict = "" if point.verdict is None else point.verdict.value
    return [str(point.concurrency), *shown, verdict, point.why]


def _late(record: DriveRecord) -> Iterator[RenderableType]:
    rows = [(point.concurrency, point.calibration) for point in record.points]
    for streams, row in rows:
        if row is not None:
            yield words(*_calibrated(streams, row))
    if record.anyway:
        yield words((f"Timed anyway, in spite of: {', '.join(record.anyway)}.", "bold red"))


def _calibrated(streams: int, row: CalibrationRow) -> list[str | tuple[str, str]]:
    told = (
        f"Client at {streams} streams: a stub sent a token every {row.sent_ms:.2f} ms and it saw "
        f"{row.seen_ms:.2f} ms"
    )
    if row.late:
        return [(f"{told}: late. The time per token may be the client's own.", "bold red")]
    return [f"{told}: it keeps up."]
