"""The section of a load on a live server."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.drive import DriveRecord, Weight
from truetpot.records.words import PointStatus
from truetpot.report.html import plain
from truetpot.report.html.charts.drive import drive_chart
from truetpot.report.html.charts.runs import TONE
from truetpot.report.html.model import Note, Parts, Section

_WEIGHT = {Weight.STOP: "bad", Weight.WARNING: "warn", Weight.NOTE: "info"}


def drive_section(record: DriveRecord) -> Section:
    """What the server obeys, verdicts, time per token over concurrency."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(drive_chart(record))
    parts.grids += plain.grids(record)
    facts = plain.facts(record, ("points", "canaries", "setup"))
    server = record.server.model or record.server.url
    return Section(f"Load on a live server: {server}", parts.notes, parts.charts, parts.grids,
                   facts, plain.origin(record))  # fmt: skip


def _notes(record: DriveRecord) -> Iterator[Note]:
    for point in record.points:
        where = f"Concurrency {point.concurrency}: "
        if point.verdict is not None:
            yield Note(TONE[point.verdict], f"{where}{point.verdict}.", point.why)
        elif point.status is not PointStatus.OK:
            yield Note("warn", f"{where}{point.status.replace('_', ' ')}.", point.reason)
        if point.calibration is not None and point.calibration.late:
            said = "Against a stub of known pace; the time per token may be the client's own."
            yield Note("bad", f"{where}the client is late.", said)
    for canary in record.canaries:
        yield Note(_WEIGHT[canary.weight], f"{canary.what}.", canary.evidence)
    for sentence in record.anyway:
        yield Note("warn", "Timed by --anyway.", sentence)
    if record.partial:
        yield Note("warn", "Partial.", "The run was ended: this is what was measured.")
