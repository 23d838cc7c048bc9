"""unitrace's summaries (text, CSV) and metrics (CSV), as its two files in tests/data have them.

A row of its timing table is ``name[SIMD16 {groups} {group size}], calls, ns, %, average, min,
max``; names have commas, so a row is read from its end. Metrics have a row a launch, with the bytes
that the device's counters saw.
"""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.errors import UserError
from truetpot.stack.trace.lines import cells, lines, value
from truetpot.stack.trace.model import SummaryRow, Trace
from truetpot.stack.trace.opened import Opened
from truetpot.stack.trace.unitrace_chrome import split_name
from truetpot.stack.trace.values import number, whole

_NS = 1e-9
_READ = ("GPU_MEMORY_BYTE_READ[bytes]", "GPU_MEMORY_BYTE_READ_RATE[GBpS]")
MOST_ROWS = 1_000_000


def is_summary(text: str) -> bool:
    """Whether a text is such a summary, by the heads of its tables."""
    return "=== Device Timing Summary ===" in text or any(map(_is_timing, text.splitlines()[:400]))


def is_metrics(text: str) -> bool:
    """By the head of a table of metrics, where no table of times stands in the file."""
    return any(map(_is_metrics, text.splitlines()[:400])) and not is_summary(text)


def read_summary(opened: Opened) -> Trace:
    """The table of device times, and of the metrics below it the bytes read from memory."""
    rows: list[tuple[str, int, float]] = []
    read: dict[str, float] = {}
    table, head = "", [""]
    for line in lines(opened):
        if _is_timing(line):
            table = "times"
        elif _is_metrics(line):
            table, head = "metrics", cells(line)
        elif not line.strip():
            table = table if table == "times" and not rows else ""
        elif table == "times" and (row := _timing(line)) is not None:
            rows.append(row)
        elif table == "metrics":
            _add_metric(line, head, read)
        if len(rows) > MOST_ROWS:
            raise opened.wrong("its table has more than a million rows")
    if not rows:
        raise _cut_off(opened)
    return Trace("unitrace, summary", summary=tuple(_summary(rows, read)))


def read_metrics(opened: Opened) -> Trace:
    """A row a launch: times by the device's clock, in no order that tells steps apart."""
    head: list[str] = []
    totals: dict[str, tuple[int, float, float | None]] = {}
    for line in lines(opened):
        if _is_metrics(line):
            head = cells(line)
            continue
        found = _metric(line, head) if head else None
        if found is None:
            continue
        name, seconds, read = found
        calls, total, before = totals.get(name, (0, 0.0, None))
        both = read if before is None else before + (read or 0.0)
        totals[name] = calls + 1, total + seconds, both
    if not totals:
        raise _cut_off(opened)
    return Trace(
        "unitrace, metrics",
        summary=tuple(
            _row(name, calls, total, read) for name, (calls, total, read) in totals.items()
        ),
    )


def _is_timing(line: str) -> bool:
    words = [one.strip() for one in line.split(",")[:3]]
    return words in (["Kernel", "Calls", "Time (ns)"], ["Function", "Calls", "Time (ns)"])


def _is_metrics(line: str) -> bool:
    return line.startswith("Kernel,") and "GpuTime[ns]" in line


def _timing(line: str) -> tuple[str, int, float] | None:
    parts = [one.strip() for one in line.rsplit(",", 6)]
    if len(parts) != 7:
        return None
    calls, total = whole(parts[1]), number(parts[2])
    if calls < 1 or total is None or total < 0 or not parts[0]:
        return None
    return parts[0].strip('"'), calls, total * _NS


def _metric(line: str, head: list[str]) -> tuple[str, float, float | None] | None:
    """Name, seconds and bytes read of a row; the name may have commas of its own."""
    parts = line.rsplit(",", len(head) - 1)
    if len(parts) != len(head):
        parts = line.rstrip(",").rsplit(",", len(head) - 1)
    if len(parts) != len(head):
        return None
    row = dict(zip(head, (one.strip() for one in parts), strict=True))
    seconds = value(row, "GpuTime[ns]")
    if seconds is None or seconds < 0 or not row.get("Kernel"):
        return None
    return row["Kernel"].strip('"'), seconds * _NS, value(row, _READ[0])


def _add_metric(line: str, head: list[str], read: dict[str, float]) -> None:
    found = _metric(line, head)
    if found is not None and found[2] is not None:
        read[found[0]] = read.get(found[0], 0.0) + found[2]


def _summary(rows: list[tuple[str, int, float]], read: dict[str, float]) -> Iterator[SummaryRow]:
    for name, calls, total in rows:
        alone = sum(other == name for other, *_ in rows) == 1
        yield _row(name, calls, total, read.get(name) if alone else None)


def _row(full: str, calls: int, total: float, read: float | None) -> SummaryRow:
    name, grid, work = split_name(full)
    nbytes = None if read is None or not 0 <= read < 1e18 else int(read)
    return SummaryRow(name, calls, total, grid=grid, work=work, read_bytes=nbytes)


def _cut_off(opened: Opened) -> UserError:
    return opened.wrong("its table has no rows that can be read")
