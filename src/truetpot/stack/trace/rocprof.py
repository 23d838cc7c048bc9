"""rocprofv3's ``*_kernel_trace.csv``: columns by name, those of ROCm/rocprofiler-sdk
source/lib/output/generateCSV.cpp@00f9d2c."""

from __future__ import annotations

from truetpot.stack.trace.lines import cells, lines, rows, value
from truetpot.stack.trace.model import NONE, Builder, Trace, Work
from truetpot.stack.trace.opened import Opened
from truetpot.stack.trace.values import identity, whole

NANOSECOND = 1e-9
_NEEDED = {"Kernel_Name", "Start_Timestamp", "End_Timestamp"}


def is_trace(text: str) -> bool:
    """By its head, in whatever order its columns are."""
    return any(_head(line) for line in text.splitlines()[:200])


def read(opened: Opened) -> Trace:
    """Reads a table with a row for each dispatch; agents are devices."""
    text = lines(opened)
    head = next((found for line in text if (found := _head(line))), [])
    builder, agents = Builder(NANOSECOND), dict[str, int]()
    for row in rows(opened, text, head):
        start, end = value(row, "Start_Timestamp"), value(row, "End_Timestamp")
        name = row["Kernel_Name"][:4000]
        if start is None or end is None or not name:
            continue
        sizes = [row.get(f"Grid_Size_{axis}", "") for axis in "XYZ"]
        builder.add(
            name,
            end - start,
            start,
            work=Work.COPY if name.startswith("__amd_rocclr_copy") else Work.KERNEL,
            device=agents.setdefault(row.get("Agent_Id", ""), len(agents)),
            stream=identity(row.get("Stream_Id", row.get("Queue_Id", ""))),
            launch=whole(row.get("Correlation_Id"), NONE),
            grid="x".join(sizes) if all(sizes) else "",
        )
    return Trace("rocprofv3, kernel trace", tuple(agents), builder.build()[0])


def _head(line: str) -> list[str]:
    found = cells(line)
    return found if set(found) >= _NEEDED else []
