"""The tables that guidellm prints: a row a benchmark, the same one in every table.

``guidellm/benchmark/output.py`` of 0.3.0 (``Benchmarks Stats:``: mean, median and p99) and
``guidellm/benchmark/outputs/console.py`` of 0.5.0 and 0.6.0 (median and p95 of times, means of
rates). Two or three lines name a column; a name that several columns share stands in the first, and
the others are empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.guidellm import OLD, TOOL
from truetpot.serving.readers.json_values import as_float
from truetpot.serving.readers.numbers import whole_lines
from truetpot.serving.readers.source import Source
from truetpot.serving.readers.statistics import total
from truetpot.serving.records import Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_STATS_0_3, _STATS = "Benchmarks Stats:", "Request Latency Statistics (Completed Requests)"
_INFO_0_3, _INFO, _RATES = "Benchmarks Info:", "Run Summary Info", "Server Throughput Statistics"
_TITLES = (_STATS_0_3, _STATS, _INFO_0_3, _INFO, _RATES)
_METRICS = {
    # 0.2 wrote "(ms)" above the request latency, and seconds below it.
    "Req Latency (sec)": (Metric.E2E, "s"),
    "Req Latency (ms)": (Metric.E2E, "s"),
    "Request Latency Sec": (Metric.E2E, "s"),
    "TTFT (ms)": (Metric.TTFT, "ms"),
    "TTFT ms": (Metric.TTFT, "ms"),
    "ITL (ms)": (Metric.ITL, "ms"),
    "ITL ms": (Metric.ITL, "ms"),
    "TPOT (ms)": (Metric.TPOT, "ms"),
    "TPOT ms": (Metric.TPOT, "ms"),
}
_STATISTICS = {"mean": "mean", "median": "median", "Mdn": "median", "p95": "p95", "p99": "p99"}
_LONGEST_LINE, _MOST_ROWS = 4000, 1000


@dataclass
class _Table:
    line: int
    rules: int = 0
    """Lines of = or - seen: the header is below the first, the rows are below the second."""
    names: list[str] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Take in one line of the table."""
        parts = text.split("|")
        if not set(text) - set("|=-"):
            self.rules += 1
        elif self.rules == 1:
            for i in range(1, len(parts)):
                parts[i] = parts[i] or parts[i - 1]  # "" is no blank cell, which has its width
            names = self.names or [""] * len(parts)
            self.names = [f"{a} {b.strip()}".strip() for a, b in zip(names, parts, strict=False)]
        elif self.rules == 2 and len(parts) == len(self.names) and len(self.rows) < _MOST_ROWS:
            self.rows.append(dict(zip(self.names, map(str.strip, parts), strict=True)))


def _tables(source: Source) -> dict[str, _Table]:
    """The last one of each title."""
    found: dict[str, _Table] = {}
    table: _Table | None = None
    for line, text in whole_lines(source):
        if title := next((title for title in _TITLES if title in text), None):
            table = found[title] = _Table(line)
        elif table and table.rules < 3:
            # Since 0.4 a line begins and ends with a bar; a cell of no width is not stripped.
            stripped = text[:_LONGEST_LINE].strip()
            if stripped.startswith("|"):
                stripped = stripped[1:-1] if stripped.endswith("|") else ""
            if "|" in stripped or (stripped and not set(stripped) - {"="}):
                table.add(stripped)
    return found


def _read(source: Source) -> list[Run]:
    tables = _tables(source)
    old = _STATS_0_3 in tables
    stats = tables.get(_STATS_0_3 if old else _STATS, _Table(1))
    if not stats.rows:
        raise source.error_in_line(stats.line, "the table below has no row: it was cut off")
    several = len(stats.rows) > 1
    return [
        _run(
            row,
            _row(tables.get(_INFO_0_3 if old else _INFO), number),
            row if old else _row(tables.get(_RATES), number),
            old,
            f"benchmark {number + 1}" if several else "",
        )
        for number, row in enumerate(stats.rows)
    ]


def _row(table: _Table | None, number: int) -> dict[str, str]:
    """Of the same benchmark; {} if that table was cut off or is not there."""
    return table.rows[number] if table and number < len(table.rows) else {}


def _run(
    stats: dict[str, str], info: dict[str, str], rates: dict[str, str], old: bool, place: str
) -> Run:
    def number(row: dict[str, str], *names: str) -> float | None:
        return next((as_float(row[name]) for name in names if name in row), None)

    output = total(number(info, "Output Tok Total Comp", "Output Tokens Comp Tot"), 1)
    prompts = number(info, "Prompt Tok Total Comp", "Input Tokens Comp Tot")
    name, _, rate = next(iter(stats.values()), "").partition("@")
    asked = as_float(rate)
    return Run(
        tool=TOOL,
        variant=f"console, {OLD}" if old else "console",
        place=place,
        definitions=definitions(TOOL, OLD if old else ""),
        figures=tuple(_figures(stats)),
        totals=Totals(
            duration_s=number(info, "Metadata Duration (s)", "Timings Dur Sec"),
            completed=total(number(info, "Requests Made Comp"), 1),
            failed=total(number(info, "Requests Made Err"), 1),
            input_tokens=total(prompts, 1),
            output_tokens={} if output is None else {Counting.SERVER: output},
            requests_per_s=number(rates, "Request Stats Per Second", "Requests Per Sec Mean"),
            output_tokens_per_s=number(rates, "Out Tok/sec mean", "Output Tokens Per Sec Mean"),
            total_tokens_per_s=number(rates, "Tot Tok/sec mean", "Total Tokens Per Sec Mean"),
            mean_concurrency=number(
                rates, "Request Stats Concurrency", "Requests Concurrency Mean"
            ),
        ),
        setting=Setting(
            request_rate=asked if name in ("constant", "poisson") and asked else None,
            max_concurrency=total(asked, 1) if name == "concurrent" and asked else None,
        ),
    )


def _figures(stats: dict[str, str]) -> Iterator[Figure]:
    for name, word in stats.items():
        group, _, column = name.rpartition(" ")
        statistic, value = _STATISTICS.get(column), as_float(word)
        if group in _METRICS and statistic and value is not None:
            metric, unit = _METRICS[group]
            yield figure(metric, statistic, value, name, unit)


def _recognises(source: Source) -> bool:
    return source.has(_STATS.encode()) or (
        source.has(_STATS_0_3.encode()) and source.has(b"Out Tok/sec")
    )


READERS = (TextReader("the tables that guidellm prints", _recognises, _read),)
