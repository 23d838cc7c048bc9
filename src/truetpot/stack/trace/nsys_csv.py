"""Nsight Systems' CSV: ``nsys stats --report cuda_gpu_kern_sum`` and ``cuda_gpu_trace``."""

from __future__ import annotations

from truetpot.stack.trace.lines import cells, lines, rows, value
from truetpot.stack.trace.model import NONE, Builder, SummaryRow, Trace, Work
from truetpot.stack.trace.opened import Opened
from truetpot.stack.trace.values import identity, whole

_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def is_summary(text: str) -> bool:
    """Whether the head is ``Time (%),Total Time (ns),Instances,...,Name``."""
    return any(_sum_head(line) for line in text.splitlines()[:200])


def is_trace(text: str) -> bool:
    """Whether the head is ``Start (ns),Duration (ns),CorrId,...,Name``."""
    return any(_trace_head(line) for line in text.splitlines()[:200])


def read_summary(opened: Opened) -> Trace:
    """The totals of each kernel's name, of ``cuda_gpu_kern_sum``."""
    text = lines(opened)
    head = next((found for line in text if (found := _sum_head(line))), [])
    unit = _unit(head, "Total Time")
    summary = []
    for row in rows(opened, text, head):
        total, calls = value(row, f"Total Time ({unit})"), value(row, "Instances", "Count")
        name = row.get("Name", row.get("Operation", ""))
        if total is not None and total >= 0 and calls and 1 <= calls < 1e15 and name:
            work = _work(name)
            summary.append(SummaryRow(name[:4000], int(calls), total * _SECONDS[unit], work=work))
    if not summary:
        raise opened.wrong("its table has no rows that can be read")
    return Trace("Nsight Systems, kernel summary", summary=tuple(summary))


def read_trace_rows(opened: Opened) -> Trace:
    """Reads a table with a row and a start for each kernel's run."""
    text = lines(opened)
    head = next((found for line in text if (found := _trace_head(line))), [])
    unit, devices = _unit(head, "Start"), dict[str, int]()
    builder = Builder(_SECONDS[unit])
    for row in rows(opened, text, head):
        start, duration = value(row, f"Start ({unit})"), value(row, f"Duration ({unit})")
        name = row.get("Name", "")
        if start is None or duration is None or not name:
            continue
        sizes = [row.get(f"Grd{axis}", "") for axis in "XYZ"]
        builder.add(
            name[:4000],
            duration,
            start,
            work=_work(name),
            device=devices.setdefault(row.get("Device", ""), len(devices)),
            stream=identity(row.get("Strm", "")),
            launch=whole(row.get("CorrId"), NONE),
            grid="x".join(sizes) if all(sizes) else "",
        )
    return Trace(
        "Nsight Systems, device trace",
        tuple(devices),
        builder.build()[0],
        dependent_launches=True,
    )


def _work(name: str) -> Work:
    start = name.lower()
    if start.startswith(("[cuda memcpy", "[cuda unified memory memcpy")):
        return Work.COPY
    return Work.FILL if start.startswith("[cuda memset") else Work.KERNEL


def _sum_head(line: str) -> list[str]:
    found = cells(line)
    named = "Name" in found or "Operation" in found
    return found if named and _unit(found, "Total Time") in _SECONDS else []


def _trace_head(line: str) -> list[str]:
    found = cells(line)
    return found if "Name" in found and _unit(found, "Start") in _SECONDS else []


def _unit(head: list[str], column: str) -> str:
    """Of ``Total Time (ns)``; empty without the column."""
    name = next((one for one in head if one.startswith(f"{column} (")), "")
    return name[len(column) + 2 : -1]
