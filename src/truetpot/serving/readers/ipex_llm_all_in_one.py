"""The CSV of ipex-llm's all-in-one benchmark: one run a row."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.numbers import as_number
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
_NOTHING = ("", "N/A", "None")


def _recognises(source: Source) -> bool:
    first = next((text for _, text in source.lines() if text.strip()), "")
    return all(column in first for column in _METRICS)


def _read(source: Source) -> list[Run]:
    columns: list[str] = []
    runs = []
    for number, text in source.lines():
        cells = _cells(source, number, text)
        if not any(cells):
            continue
        if set(_METRICS) <= set(cells):
            columns = cells
            continue
        if len(cells) != len(columns):
            raise source.error_in_line(
                number, f"the row has {len(cells)} values for {len(columns)} columns: it may be cut"
            )
        runs.append(_run(source, number, dict(zip(columns, cells, strict=True))))
    if not runs:
        raise source.error("has a header and no row: the benchmark did not get to its first result")
    if columns[-1] in (*_METRICS, _ASKED, _ACTUAL) and source.map[-1:] not in (b"\n", b"\r"):
        raise source.error("ends inside its last row: it was cut off; copy it again")
    return runs


def _cells(source: Source, number: int, text: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True), [])]
    except csv.Error as error:
        raise source.error_in_line(number, f"the row is no CSV: {error}") from error


def _run(source: Source, line: int, row: Mapping[str, str]) -> Run:
    """The actual lengths, of one sequence of the mean trial, are the totals of one request."""
    batch = _number(source, line, row, "batch_size")
    asked, actual = _pair(source, line, row, _ASKED), _pair(source, line, row, _ACTUAL)
    beams = _number(source, line, row, "num_beams")
    notes = [f"Beam search, {beams:g} beams."] if beams is not None and beams > 1 else []
    return Run(
        tool=_TOOL,
        variant="csv",
        place=f"line {line}",
        definitions=definitions(_TOOL),
        figures=tuple(_figure(source, line, row, column) for column in _METRICS),
        totals=Totals(
            completed=1,
            input_tokens=actual[0] if actual else None,
            output_tokens={Counting.SERVER: actual[1]} if actual else {},
        ),
        setting=Setting(
            model=_text(row, "model"),
            batch=int(batch) if batch is not None and 1 <= batch < 2**31 else None,
            input_tokens=asked[0] if asked else None,
            output_tokens=asked[1] if asked else None,
            weight_format=_text(row, "low_bit"),
            streaming={"True": True, "False": False}.get(row.get("streaming", "")),
        ),
        notes=tuple(notes),
    )


def _figure(source: Source, line: int, row: Mapping[str, str], column: str) -> Figure:
    value = _number(source, line, row, column)
    return figure(_METRICS[column], "mean", value, f"line {line}, {column}", "ms")


def _text(row: Mapping[str, str], column: str) -> str | None:
    cell = row.get(column, "")
    return None if cell in _NOTHING else cell


def _number(source: Source, line: int, row: Mapping[str, str], column: str) -> float | None:
    cell = _text(row, column)
    if cell is None:
        return None
    return as_number(source, line, cell, f'"{column}"')


def _pair(source: Source, line: int, row: Mapping[str, str], column: str) -> tuple[int, int] | None:
    cell = _text(row, column)
    if cell is None:
        return None
    match = _PAIR.fullmatch(cell)
    if not match:
        raise source.error_in_line(
            line, f'"{column}" is {cell[:40]!a}, where two lengths (1024-128) were expected'
        )
    return int(match[1]), int(match[2])


READERS = (TextReader("ipex-llm all-in-one CSV", _recognises, _read),)
