"""The CSV of ipex-llm's all-in-one benchmark: one run a row."""

from __future__ import annotations

import math
import re

from truetpot.serving.readers.csv_rows import Row, first_row, rows
from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "ipex-llm-all-in-one"
_METRICS = {
    "1st token avg latency (ms)": Metric.TTFT,
    "2+ avg latency (ms/token)": Metric.TPOT,
}
_ASKED, _ACTUAL = "input/output tokens", "actual input/output tokens"
_PAIR = re.compile(r"(\d{1,9})-(\d{1,9})")


def _is_header(cells: list[str]) -> bool:
    return set(_METRICS) <= set(cells)


def _read(source: Source) -> list[Run]:
    runs = [_run(row) for row in rows(source, _is_header)]
    if not runs:
        raise source.error("has a header and no row: the benchmark did not get to its first result")
    return runs


def _run(row: Row) -> Run:
    """The actual lengths, of one sequence of the mean trial, are the totals of one request."""
    batch = row.number("batch_size")
    asked, actual = _pair(row, _ASKED), _pair(row, _ACTUAL)
    beams = row.number("num_beams")
    notes = [f"Beam search, {beams:g} beams."] if beams is not None and beams > 1 else []
    return Run(
        tool=_TOOL,
        variant="csv",
        place=row.where,
        definitions=definitions(_TOOL),
        figures=tuple(_figure(row, column) for column in _METRICS),
        totals=Totals(
            completed=1,
            input_tokens=actual[0] if actual else None,
            output_tokens={Counting.SERVER: actual[1]} if actual else {},
        ),
        setting=Setting(
            model=row.text("model"),
            batch=int(batch) if batch is not None and 1 <= batch < 2**31 else None,
            input_tokens=asked[0] if asked else None,
            output_tokens=asked[1] if asked else None,
            weight_format=row.text("low_bit"),
            streaming={"True": True, "False": False}.get(row.members.get("streaming", "")),
        ),
        notes=tuple(notes),
    )


def _figure(row: Row, column: str) -> Figure:
    value = row.number(column)
    if value is not None and math.isinf(value):
        raise row.error(f'"{column}" is {value}, where a number was expected')
    return figure(_METRICS[column], "mean", value, f"{row.where}, {column}", "ms")


def _pair(row: Row, column: str) -> tuple[int, int] | None:
    cell = row.text(column)
    if cell is None:
        return None
    match = _PAIR.fullmatch(cell)
    if not match:
        raise row.error(f'"{column}" is {cell[:40]!a}, where two lengths (1024-128) were expected')
    return int(match[1]), int(match[2])


READERS = (
    TextReader("ipex-llm all-in-one CSV", lambda source: _is_header(first_row(source)), _read),
)
