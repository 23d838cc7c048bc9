"""The CSV that AIPerf and GenAI-Perf write beside their JSON: a row a metric, a column a statistic.

AIPerf 0.13.0 ``aiperf/exporters/metrics_csv_exporter.py``, GenAI-Perf 0.0.16
``genai_perf/export_data/csv_exporter.py``. Below the requests' metrics comes a table
``Metric,Value`` of the run's, then those of the GPUs, which are left out. Percentiles rise from p1
to p99 in AIPerf's header, and fall from p99 to p1, or to p25 in 2024, in GenAI-Perf's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from truetpot.serving.readers import aiperf, genai_perf
from truetpot.serving.readers.csv_rows import Row, first_row, rows
from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.source import Source
from truetpot.serving.readers.statistics import (
    PER_SECOND,
    TIME_UNITS,
    statistic_of,
    total,
    unknown_unit,
)
from truetpot.serving.records import Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_METRIC = re.compile(r"(?P<name>[^()]{1,80}?)(?: \((?P<unit>[^()]{1,40})\))?")
_NOTE = (
    "Totals of tokens are the mean length, which is written with two decimals, times the requests."
)


def _is_first(cells: list[str]) -> bool:
    return cells[:4] == ["Metric", "avg", "min", "max"]


def _is_header(cells: list[str]) -> bool:
    return _is_first(cells) or cells == ["Metric", "Value"]


def _read(source: Source) -> list[Run]:
    header = first_row(source)
    if "p50" in header and "p99" in header and header.index("p99") < header.index("p50"):
        tool, metrics = genai_perf.TOOL, genai_perf.METRICS
    else:
        tool, metrics = aiperf.TOOL, aiperf.METRICS
    table = {_key(row): row for row in rows(source, _is_header, other_tables=True)}
    figures = tuple(_figures(table, metrics))
    if not figures:
        raise source.error("has no time of a request in it: did every request fail?")
    totals = _totals(table)
    return [
        Run(
            tool=tool,
            variant="csv",
            place="",
            definitions=definitions(tool),
            figures=figures,
            totals=totals,
            setting=Setting(streaming=True if "time_to_first_token" in table else None),
            notes=(_NOTE,) if totals.output_tokens else (),
        )
    ]


def _key(row: Row) -> str:
    """As the JSON has it: ``inter_token_latency`` of ``Inter Token Latency (ms)``."""
    match = _METRIC.fullmatch(row.members["Metric"])
    return match["name"].lower().replace(" ", "_") if match else row.members["Metric"]


def _figures(table: Mapping[str, Row], metrics: Mapping[str, Metric]) -> Iterator[Figure]:
    for key, metric in metrics.items():
        if key in table:
            row = table[key]
            unit = _unit(row)
            for column in row.members:
                statistic = statistic_of(column)
                value = row.number(column) if statistic else None
                if statistic and value is not None:
                    yield figure(metric, statistic, value, f"{row.where}, {column}", unit)


def _unit(row: Row) -> str:
    match = _METRIC.fullmatch(row.members["Metric"])
    name = match["unit"] if match else None
    if name not in TIME_UNITS:
        raise row.error(f"the metric {unknown_unit(name)}")
    return TIME_UNITS[name]


def _totals(table: Mapping[str, Row]) -> Totals:
    def mean(key: str) -> float | None:
        if key not in table:
            return None
        row = table[key]
        return row.number("Value" if "Value" in row.members else "avg")

    def count(key: str) -> int | None:
        return total(mean(key), 1)

    completed = count("request_count")
    output = count("total_output_sequence_length")
    output = total(mean("output_sequence_length"), completed) if output is None else output
    prompts = count("total_input_sequence_length")
    prompts = total(mean("input_sequence_length"), completed) if prompts is None else prompts
    duration = mean("benchmark_duration")
    return Totals(
        duration_s=None
        if duration is None
        else duration / PER_SECOND[_unit(table["benchmark_duration"])],
        completed=completed,
        failed=count("error_request_count"),
        input_tokens=prompts,
        output_tokens={} if output is None else {Counting.RETOKENISED: output},
        requests_per_s=mean("request_throughput"),
        output_tokens_per_s=mean("output_token_throughput"),
        total_tokens_per_s=mean("total_token_throughput"),
        mean_concurrency=mean("effective_concurrency"),
    )


READERS = (
    TextReader("AIPerf's or GenAI-Perf's CSV", lambda source: _is_first(first_row(source)), _read),
)
