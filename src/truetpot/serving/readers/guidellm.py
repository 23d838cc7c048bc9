"""guidellm's JSON report, of 0.2 to 0.8.

Read in the sources of the releases. Up to 0.3 (``benchmark/benchmark.py``) a benchmark has
``args``, ``run_stats``, ``worker`` and ``request_loader``, its requests have ``start_time`` and
``first_token_time``, warm-up requests are not in the file, and the time per output token is
without the first token. From 0.4 on (``benchmark/schemas``) it has ``config``, ``scheduler_state``
and ``scheduler_metrics``, its requests have ``info.timings``, and requests of the warm-up and of
the cool-down stand among the others. The keys of the figures are the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import Record, Rows
from truetpot.serving.readers.statistics import low_lengths, statistics
from truetpot.serving.records import (
    UNKNOWN,
    Counting,
    Figure,
    Metric,
    Requests,
    Run,
    Setting,
    Totals,
)
from truetpot.serving.tools import definitions

TOOL = "guidellm"
OLD = "<= 0.3"
_METRICS = {
    "time_to_first_token_ms": (Metric.TTFT, "ms"),
    "time_per_output_token_ms": (Metric.TPOT, "ms"),
    "inter_token_latency_ms": (Metric.ITL, "ms"),
    "request_latency": (Metric.E2E, "s"),
}
_PERCENTILES = {
    "p001": "p0.1",
    "p01": "p1",
    "p05": "p5",
    "p10": "p10",
    "p25": "p25",
    "p50": "p50",
    "p75": "p75",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p999": "p99.9",
}


# Lengths in the description of synthetic data: JSON, the text of a dict, or prompt_tokens=256,...
_LENGTH = r"""\b{}["']?\s*[:=]\s*["']?(\d{{1,9}})\b"""


def _recognises(first: Node) -> bool:
    benchmarks = first.members.get("benchmarks")
    if benchmarks is None or benchmarks.kind != "list":
        return False
    metadata = first.members.get("metadata")
    if metadata is not None and "guidellm_version" in metadata.members:
        return True
    some = next(islice(benchmarks.elements(), 1), None)
    if some is None or "metrics" not in some.members:
        return False
    return "scheduler_state" in some.members or {"run_stats", "args"} <= some.members.keys()


def _read(document: Document) -> list[Run]:
    """One run a benchmark. Figures are those of successful requests."""
    first = document.first
    runs = [_run(first, node) for node in first.elements("benchmarks")]
    if not runs:
        raise first.error("has no benchmark in it: the run was stopped before the first ended")
    return runs


def _run(first: Node, benchmark: Node) -> Run:
    metrics = benchmark.get("metrics")
    if metrics is None:
        raise benchmark.error('has no "metrics"')
    old = "scheduler_state" not in benchmark.members and "run_stats" in benchmark.members
    version = first.number("metadata", "version")
    variant = f"report, {OLD}" if old else "report"
    counts = benchmark.get("request_totals") if old else metrics.get("request_totals")
    successful = None if counts is None else counts.count("successful")
    requests, left_out = _requests(benchmark, _window(benchmark, successful))
    notes = []
    per_message = metrics.number("iter_tokens_per_iteration", "successful", "mean")
    if per_message and per_message != 1:
        notes.append(f"{per_message:.4g} output tokens a message on average.")
    if left_out:
        notes.append(
            f"{left_out:,} requests outside of the measured window (warm-up, cool-down) are "
            "left out."
        )
    output = metrics.count("output_token_count", "successful", "total_sum")
    return Run(
        tool=TOOL,
        variant=variant if version is None else f"{variant}, version {version:g}",
        place=benchmark.where,
        definitions=definitions(TOOL, OLD if old else ""),
        figures=tuple(_figures(metrics)),
        totals=Totals(
            duration_s=benchmark.number("duration"),
            attempted=None if counts is None else counts.count("total"),
            completed=successful,
            failed=None if counts is None else counts.count("errored"),
            input_tokens=metrics.count("prompt_token_count", "successful", "total_sum") or None,
            output_tokens={} if output is None else {Counting.SERVER: output},
            requests_per_s=metrics.number("requests_per_second", "successful", "mean"),
            output_tokens_per_s=metrics.number("output_tokens_per_second", "successful", "mean"),
            total_tokens_per_s=metrics.number("tokens_per_second", "successful", "mean"),
            tokens_a_message=per_message,
            low_lengths=low_lengths(metrics.get("output_token_count", "successful")),
            mean_concurrency=metrics.number("request_concurrency", "total", "mean"),
            idle_share=_idle_share(metrics.get("request_concurrency", "total")),
        ),
        setting=_setting(first, benchmark),
        requests=requests,
        notes=tuple(notes),
    )


def _idle_share(concurrency: Node | None) -> float | None:
    """The largest percentile of the requests under way, weighted by time, that is still 0."""
    found = None
    for share, requests in low_lengths(concurrency).items():
        found = share if requests == 0 else found
    return found


def _figures(metrics: Node) -> Iterator[Figure]:
    for key, (metric, unit) in _METRICS.items():
        table = metrics.get(key, "successful")
        yield from statistics(metric, table, unit)
        percentiles = table.get("percentiles") if table else None
        for name, node in percentiles.members.items() if percentiles else ():
            if name in _PERCENTILES:
                yield figure(metric, _PERCENTILES[name], node.number(), node.where, unit)


def _setting(first: Node, benchmark: Node) -> Setting:
    """The configuration stands in the benchmark (``args`` up to 0.3, then ``config``) and, from 0.4
    on, for all of them at the top (``args``, from 0.8 on ``config.spec``)."""
    own = benchmark.get("config") or benchmark.get("args")
    spec = first.get("config", "spec") or first.get("args")
    began = settings.number(benchmark, "start_time")
    data = settings.text(benchmark, "request_loader.data") or settings.text(spec, "data") or ""
    return Setting(
        model=settings.text(own, "backend.model")
        or settings.text(benchmark, "worker.backend_model")
        or settings.text(spec, "backend.model", "model"),
        tokenizer=settings.text(spec, "tokenizer.model", "processor")
        or settings.text(benchmark, "request_loader.processor"),
        date=None if began is None or began > 1e11 else str(datetime.fromtimestamp(began, UTC)),
        request_rate=settings.number(own, "strategy.rate"),
        max_concurrency=settings.count(own, "strategy.streams", "strategy.max_concurrency"),
        input_tokens=_asked("prompt_tokens", spec, data),
        output_tokens=_asked("output_tokens", spec, data),
        streaming=settings.flag(own, "backend.stream"),
        tool_version=settings.text(first, "metadata.guidellm_version"),
    )


def _asked(name: str, spec: Node | None, data: str) -> int | None:
    """The length of every request; None where it is the mean of several."""
    drawn = tuple(f"{name}_{end}" for end in ("stdev", "min", "max"))
    if found := settings.count(spec, f"data.0.{name}"):
        given = tuple(f"data.0.{one}" for one in drawn)
        return settings.length(spec, f"data.0.{name}", drawn=given) and found
    found, spread = _length(name, data), [_length(one, data) for one in drawn]
    return None if any(one not in (None, found) for one in spread) else found


def _length(name: str, data: str) -> int | None:
    match = re.search(_LENGTH.format(name), data)
    return int(match[1]) or None if match else None


class _Window(NamedTuple):
    """The time from the end of the warm-up to the beginning of the cool-down; NaN if not written.

    guidellm takes a request into its figures if it was out at any moment of it, the ends included
    (``get_within_range`` of ``benchmark/schemas/generative/accumulator.py``, 0.5.0).
    """

    begin: float
    end: float
    touching: bool = True
    """Whether a request is in it that ends as it begins, or begins as it ends."""

    def has(self, request: Record) -> bool:
        """Whether a request is inside; one with unknown times is."""
        began, ended = _began(request), _ended(request)
        if self.touching:
            return not (ended < self.begin or began > self.end)
        return not (ended <= self.begin or began >= self.end)


def _window(benchmark: Node, successful: int | None) -> _Window:
    """The report's own number of successful requests decides about those that only touch it."""
    begin = benchmark.number("scheduler_metrics", "measure_start_time")
    end = benchmark.number("scheduler_metrics", "measure_end_time")
    window = _Window(math.nan if begin is None else begin, math.nan if end is None else end)
    strict = window._replace(touching=False)
    counts = dict.fromkeys((window, strict), 0)
    if not (math.isnan(window.begin) and math.isnan(window.end)):
        for node in benchmark.elements("requests", "successful"):
            request = Record(node)
            for each in counts:
                counts[each] += each.has(request)
    return strict if counts[strict] == successful != counts[window] else window


def _requests(benchmark: Node, window: _Window) -> tuple[Requests | None, int]:
    """The requests that the report kept (it may keep a sample, or none), of the measured window,
    and how many are outside of it.

    The latency ends with the last token where that is written, as in the tool's per-token figures,
    else with the response. A prompt of 0 tokens is one that was not counted.
    """
    rows = Rows()
    left_out = 0
    for status in ("successful", "errored", "incomplete"):
        for node in benchmark.elements("requests", status):
            request = Record(node)
            if window.has(request):
                _add(rows, request, status)
            else:
                left_out += 1
    if not len(rows):
        return None, left_out
    found = rows.requests(Counting.SERVER, Counting.CHUNKS)
    return replace(found, began_s=settings.number(benchmark, "start_time")), left_out


def _began(request: Record) -> float:
    return _first(request.number("info", "timings", "request_start"), request.number("start_time"))


def _ended(request: Record) -> float:
    return _first(request.number("info", "timings", "request_end"), request.number("end_time"))


def _first(*numbers: float) -> float:
    return next((number for number in numbers if not math.isnan(number)), math.nan)


def _add(rows: Rows, request: Record, status: str) -> None:
    began = _began(request)
    last = _first(
        request.number("info", "timings", "last_token_iteration"),
        request.number("last_token_time"),
    )
    messages = request.count("info", "timings", "token_iterations")
    ok = status == "successful"
    error = "" if ok else request.text("info", "error") or request.text("error") or status
    rows.add(
        tokens={
            Counting.SERVER: request.count("output_tokens"),
            Counting.CHUNKS: messages or UNKNOWN,
        },
        prompt=request.count("prompt_tokens") or UNKNOWN,
        start=began,
        ttft=request.number("time_to_first_token_ms") / 1e3,
        latency=_first(last - began, request.number("request_latency")),
        text=request.text("output"),
        ok=ok,
        error=error,
    )


READERS = (JsonReader("guidellm report", _recognises, _read),)
