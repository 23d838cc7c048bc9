"""Reads the summary of MLPerf loadgen, ``mlperf_log_summary.txt``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.numbers import as_number
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "mlperf-loadgen"
_TITLE = "MLPerf Results Summary"
_PARAMETERS = "Test Parameters Used"
_METRICS = {
    "latency": Metric.E2E,
    "first token latency": Metric.TTFT,
    "time to output token": Metric.TPOT,
    "time per output token": Metric.TPOT,
}
_STATISTIC = re.compile(r"(min|max|mean|\d{1,2}\.\d+ percentile) (.*) \(ns\)", re.IGNORECASE)

_Line = tuple[int, str, str]
"""Its number, the key and the value."""


def _recognises(source: Source) -> bool:
    return source.has(_TITLE.encode())


def _read(source: Source) -> list[Run]:
    """One run a summary: logs of several runs may have been put one after the other."""
    summaries = list(_summaries(source))
    several = len(summaries) > 1
    return [_run(source, start, lines, several) for start, lines in summaries]


def _summaries(source: Source) -> Iterator[tuple[int, list[_Line]]]:
    start, complete = 0, False
    lines: list[_Line] = []
    for number, text in source.lines():
        if text.strip() == _TITLE:
            if start:
                yield start, _whole(source, start, lines, complete)
            start, lines, complete = number, [], False
        complete = complete or text.strip() == _PARAMETERS
        key, colon, value = text.partition(":")
        if start and colon:
            lines.append((number, key.strip(), value.strip()))
    yield start, _whole(source, start, lines, complete)


def _whole(source: Source, start: int, lines: list[_Line], complete: bool) -> list[_Line]:
    if not complete:
        raise source.error_in_line(
            max(start, 1), f'the summary has no "{_PARAMETERS}": it was cut off; copy it again'
        )
    return lines


def _run(source: Source, start: int, lines: list[_Line], several: bool) -> Run:
    figures = tuple(_figures(source, lines))
    if not figures:
        raise source.error_in_line(start, "the summary has no latency in it")
    values = {key.lower(): (number, value) for number, key, value in reversed(lines)}

    def number(*keys: str) -> float | None:
        for key in keys:
            if key in values:
                return as_number(source, *values[key])
        return None

    scenario = values.get("scenario", (0, "unnamed"))[1]
    notes = []
    if (verdict := values.get("result is", (0, ""))[1]) not in ("VALID", ""):
        notes.append(f"Loadgen says of the run: {verdict[:40]}.")
    return Run(
        tool=_TOOL,
        variant=f"{scenario[:40]} scenario",
        place=f"line {start}" if several else "",
        definitions=definitions(_TOOL),
        figures=figures,
        totals=Totals(
            requests_per_s=number("completed samples per second", "samples per second"),
            output_tokens_per_s=number("completed tokens per second", "tokens per second"),
        ),
        setting=Setting(request_rate=number("target_qps") if scenario == "Server" else None),
        notes=tuple(notes),
    )


def _figures(source: Source, lines: list[_Line]) -> Iterator[Figure]:
    for number, key, value in lines:
        match = _STATISTIC.fullmatch(key)
        metric = _METRICS.get(match[2].strip().lower()) if match else None
        if match and metric:
            word = match[1].lower()
            if word.endswith("percentile"):
                share = float(word.split()[0])
                word = "median" if share == 50 else f"p{share:g}"
            yield figure(metric, word, as_number(source, number, value), key, "ns")


READERS = (TextReader("MLPerf loadgen summary", _recognises, _read),)
