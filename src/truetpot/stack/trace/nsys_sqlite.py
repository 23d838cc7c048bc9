"""Nsight Systems' ``nsys export --type sqlite``: kernels, copies, launches, ranges, and what it
says of itself (docs.nvidia.com/nsight-systems, Exporter and SQLite schema)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

from truetpot.stack.trace.model import NONE, Builder, Mark, Trace, Work
from truetpot.stack.trace.opened import Opened
from truetpot.stack.trace.values import number, text, whole

NANOSECOND = 1e-9
_KERNELS, _RUNTIME = "CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_RUNTIME"
_MOVES = {
    "CUPTI_ACTIVITY_KIND_MEMCPY": ("[CUDA memcpy]", Work.COPY),
    "CUPTI_ACTIVITY_KIND_MEMSET": ("[CUDA memset]", Work.FILL),
}
MOST_SAID = 8


def read(opened: Opened) -> Trace:
    """Raises UserError for a database of something else, and for a damaged one."""
    try:
        address = f"file:{quote(str(opened.path.resolve()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as base:
            base.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
            return _Database(base, opened).trace()
    except (sqlite3.Error, OverflowError) as error:
        raise opened.wrong(f"as a database: {error}".rstrip(".")) from None


class _Database:
    """The tables that there are: a run without copies has no table of them."""

    def __init__(self, base: sqlite3.Connection, opened: Opened) -> None:
        self.base, self.opened = base, opened
        self.tables = {row[0] for row in base.execute("SELECT name FROM sqlite_master")}
        if not self.tables & {_KERNELS, _RUNTIME, "StringIds"}:
            raise opened.wrong("it is a database of something else")
        rows = self.rows("StringIds", "id", "value")
        self.strings = {one["id"]: text(one["value"]) for one in rows}

    def trace(self) -> Trace:
        """Kernels, copies, launches and ranges of one report."""
        builder, launches = Builder(NANOSECOND), 0
        self._kernels(builder)
        self._moves(builder)
        for row in self.rows(_RUNTIME, "start", "correlationId", "nameId"):
            start = number(row["start"])
            name = self.strings.get(row["nameId"], "")
            if start is not None and ("aunch" in name or "Mem" in name):
                builder.call(whole(row["correlationId"]), start)
                launches += "aunch" in name
        marks = list(self._marks(builder))
        kernels, zero = builder.build()
        return Trace(
            "Nsight Systems, sqlite",
            devices=self._devices(),
            kernels=kernels,
            marks=tuple(Mark(one.name, one.start_s - zero, one.duration_s, False) for one in marks),
            launches=launches,
            said=tuple(self._said()),
            dependent_launches=True,
        )

    def rows(self, table: str, *columns: str) -> Iterator[dict[str, Any]]:
        """Rows of a table; a column that it lacks is None, a table that is not there has none."""
        if table not in self.tables:
            return
        there = {row[1] for row in self.base.execute(f'PRAGMA table_info("{table}")')}
        wanted = ", ".join(f'"{one}"' if one in there else "NULL" for one in columns)
        for row in self.base.execute(f'SELECT {wanted} FROM "{table}"'):
            yield dict(zip(columns, row, strict=True))

    def _kernels(self, builder: Builder) -> None:
        names = ("start", "end", "demangledName", "shortName", "deviceId", "streamId")
        for row in self.rows(_KERNELS, *names, "correlationId", "gridX", "gridY", "gridZ"):
            start, end = number(row["start"]), number(row["end"])
            if start is None or end is None:
                continue
            full, short = row["demangledName"], row["shortName"]
            name = self.strings.get(full) or self.strings.get(short) or "(no name)"
            grid = [row["gridX"], row["gridY"], row["gridZ"]]
            builder.add(
                name, end - start, start,
                device=max(0, whole(row["deviceId"], 0)), stream=whole(row["streamId"], 0),
                launch=whole(row["correlationId"], NONE),
                grid="x".join(map(str, grid)) if all(whole(one) >= 0 for one in grid) else "",
            )  # fmt: skip

    def _moves(self, builder: Builder) -> None:
        for table, (name, work) in _MOVES.items():
            for row in self.rows(table, "start", "end", "deviceId", "streamId", "correlationId"):
                start, end = number(row["start"]), number(row["end"])
                if start is not None and end is not None:
                    builder.add(
                        name, end - start, start, work=work,
                        device=max(0, whole(row["deviceId"], 0)),
                        stream=whole(row["streamId"], 0),
                        launch=whole(row["correlationId"], NONE),
                    )  # fmt: skip

    def _marks(self, builder: Builder) -> Iterator[Mark]:
        """Ranges of NVTX, by their text or its number."""
        for row in self.rows("NVTX_EVENTS", "start", "end", "text", "textId"):
            start, end = number(row["start"]), number(row["end"])
            name = text(row["text"]) or self.strings.get(row["textId"], "")
            if start is not None and end is not None and end > start and name:
                yield Mark(name, builder.time_s(start), (end - start) * NANOSECOND, False)

    def _devices(self) -> tuple[str, ...]:
        named = {
            whole(row["id"], 0): text(row["name"])
            for row in self.rows("TARGET_INFO_GPU", "id", "name")
        }
        return tuple(named.get(i, str(i)) for i in range(min(64, max(named, default=-1) + 1)))

    def _said(self) -> Iterable[str]:
        """Warnings and errors of the profiler, and kernels of graphs that were not recorded."""
        found = []
        for row in self.rows("DIAGNOSTIC_EVENT", "severity", "text"):
            words = " ".join(text(row["text"]).split())[:300]
            if words and whole(row["severity"], 0) >= 2:
                found.append(f"{words.rstrip('.')}.")
        if "CUPTI_ACTIVITY_KIND_GRAPH_TRACE" in self.tables and _KERNELS not in self.tables:
            found.append("Graphs were recorded whole: use --cuda-graph-trace=node.")
        return found[:MOST_SAID]
