"""guidellm's ``benchmarks.csv``: a row a benchmark.

Up to 0.3 (``guidellm/benchmark/output.py`` of 0.3.0) a column has one name, ``Successful Inter
token latency ms mean``; from 0.4 on (``guidellm/benchmark/outputs/csv.py`` of 0.5.0) three rows
name it: group, field and statistic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from truetpot.serving.readers.csv_rows import Row, cells, first_row
from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.guidellm import OLD, TOOL
from truetpot.serving.readers.json_values import as_float
from truetpot.serving.readers.source import Source
from truetpot.serving.readers.statistics import total
from truetpot.serving.records import Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_PERCENTILES = ("min", "p0.1", "p1", "p5", "p10", "p25", "p75", "p90", "p95", "p99", "max")
"""What a cell with a list holds."""


class _Form(NamedTuple):
    """Names of columns; those of a metric without the statistic."""

    metrics: dict[Metric, tuple[str, str]]
    """With their units."""
    statistics: dict[str, str]
    percentiles: str
    duration: str
    requests: str
    """Of a status: ``Successful``, ``Errored``, ``Total``."""
    input_tokens: str
    output_tokens: str
    rates: tuple[str, str, str, str]
    """Means: requests, output tokens and all tokens a second, and the concurrency."""


_FORM_0_3 = _Form(
    metrics={
        Metric.TTFT: ("Successful Time to first token ms", "ms"),
        Metric.TPOT: ("Successful Time per output token ms", "ms"),
        Metric.ITL: ("Successful Inter token latency ms", "ms"),
        Metric.E2E: ("Successful Request latency", "s"),
    },
    statistics={"mean": " mean", "median": " median", "std": " std dev"},
    percentiles=" [min, 0.1, 1, 5, 10, 25, 75, 90, 95, 99, max]",
    duration="Duration",
    requests="{} Requests",
    input_tokens="Successful Prompt token count mean",
    output_tokens="Successful Output token count mean",
    rates=(
        "Successful Requests per second mean",
        "Successful Output tokens per second mean",
        "Successful Tokens per second mean",
        "Total Request concurrency mean",
    ),
)
_FORM_0_4 = _Form(
    metrics={
        Metric.TTFT: ("Time to First Token|Successful ms", "ms"),
        Metric.TPOT: ("Time per Output Token|Successful ms", "ms"),
        Metric.ITL: ("Inter Token Latency|Successful ms", "ms"),
        Metric.E2E: ("Request Latency|Successful Sec", "s"),
    },
    statistics={"mean": "|Mean", "median": "|Median", "std": "|Std Dev"},
    percentiles="|Percentiles",
    duration="Timings|Duration|Sec",
    requests="Request Counts|{}|",
    input_tokens="Token Metrics|Successful Input Tokens|Mean",
    output_tokens="Token Metrics|Successful Output Tokens|Mean",
    rates=(
        "Server Throughput|Successful Requests/Sec|Mean",
        "Token Throughput|Successful Output Tokens/Sec|Mean",
        "Token Throughput|Successful Total Tokens/Sec|Mean",
        "Server Throughput|Successful Concurrency|Mean",
    ),
)
# Cells that hold JSON, and what is taken out of them.
_JSON = {
    "model": re.compile(r'"(?:backend_)?model":\s*"([^"\\]{1,300})"'),
    "version": re.compile(r'"guidellm_version":\s*"([^"\\]{1,100})"'),
    "streams": re.compile(r'"(?:streams|max_concurrency)":\s*(\d{1,9})\b'),
}


def _is_0_3(header: list[str]) -> bool:
    return header[:3] == ["Type", "Run Id", "Id"]


def _is_0_4(header: list[str]) -> bool:
    return header[:2] == ["Run Info", "Run Info"] and "Benchmark" in header


def _read(source: Source) -> list[Run]:
    old = _is_0_3(first_row(source))
    form = _FORM_0_3 if old else _FORM_0_4
    runs = [_run(row, form, old) for row in _rows(source, 1 if old else 3)]
    if not runs:
        raise source.error("has no benchmark in it: the run was stopped before the first ended")
    return runs


def _rows(source: Source, headers: int) -> Iterator[Row]:
    """The header is that of the first benchmark; one that has other columns is refused."""
    lines = cells(source)
    header = [row for _, row in islice(lines, headers)]
    names = ["|".join(parts) for parts in zip(*header, strict=False)]
    whole = source.map[-1:] in (b"\n", b"\r")
    for line, row in lines:
        if len(row) != len(names):
            raise source.error_in_line(
                line,
                f"the row has {len(row)} values for {len(names)} columns: it was cut off, or "
                "guidellm wrote other columns for this benchmark; check the JSON report instead",
            )
        yield Row(source, line, dict(zip(names, row, strict=True)), None if whole else names[-1])


def _run(row: Row, form: _Form, old: bool) -> Run:
    completed = row.count(form.requests.format("Successful"))
    output = total(row.number(form.output_tokens), completed)
    requests, output_rate, total_rate, concurrency = map(row.number, form.rates)
    return Run(
        tool=TOOL,
        variant=f"csv, {OLD}" if old else "csv",
        place=row.where,
        definitions=definitions(TOOL, OLD if old else ""),
        figures=tuple(_figures(row, form)),
        totals=Totals(
            duration_s=row.number(form.duration),
            attempted=row.count(form.requests.format("Total")),
            completed=completed,
            failed=row.count(form.requests.format("Errored")),
            input_tokens=total(row.number(form.input_tokens), completed),
            output_tokens={} if output is None else {Counting.SERVER: output},
            requests_per_s=requests,
            output_tokens_per_s=output_rate,
            total_tokens_per_s=total_rate,
            mean_concurrency=concurrency,
        ),
        setting=Setting(
            model=_in_json(row, "model", "Worker", "Run Info|Backend|"),
            max_concurrency=int(_in_json(row, "streams", "Args", "Run Info|Profile|") or 0) or None,
            tool_version=_in_json(row, "version", "Runtime Info|Metadata|"),
        ),
    )


def _figures(row: Row, form: _Form) -> Iterator[Figure]:
    for metric, (column, unit) in form.metrics.items():
        for statistic, suffix in form.statistics.items():
            value = row.number(column + suffix)
            if value is not None:
                yield figure(metric, statistic, value, f"{row.where}, {column}{suffix}", unit)
        words = (row.text(column + form.percentiles) or "").strip("[]").split(", ")
        if len(words) == len(_PERCENTILES):
            for statistic, word in zip(_PERCENTILES, words, strict=True):
                key = f"{row.where}, {column}{form.percentiles}"
                yield figure(metric, statistic, as_float(word), key, unit)


def _in_json(row: Row, name: str, *columns: str) -> str | None:
    for column in columns:
        if match := _JSON[name].search(row.text(column) or ""):
            return match[1]
    return None


READERS = (
    TextReader(
        "guidellm benchmarks.csv",
        lambda source: _is_0_3(first_row(source)) or _is_0_4(first_row(source)),
        _read,
    ),
)
