"""guidellm's JSON report, version 2 (and 1, whose figures have the same keys)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import Record, Rows
from truetpot.serving.readers.statistics import statistics
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

_TOOL = "guidellm"
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


def _recognises(first: Node) -> bool:
    benchmarks = first.members.get("benchmarks")
    if benchmarks is None or benchmarks.kind != "list":
        return False
    metadata = first.members.get("metadata")
    if metadata is not None and "guidellm_version" in metadata.members:
        return True
    some = next(islice(benchmarks.elements(), 1), None)
    return some is not None and {"metrics", "scheduler_state"} <= some.members.keys()


def _read(document: Document) -> list[Run]:
    """One run a benchmark. Figures are those of successful requests."""
    first = document.first
    version = first.number("metadata", "version")
    variant = "report" if version is None else f"report, version {version:g}"
    runs = [_run(first, node, variant) for node in first.elements("benchmarks")]
    if not runs:
        raise first.error("has no benchmark in it: the run was stopped before the first ended")
    return runs


def _run(first: Node, benchmark: Node, variant: str) -> Run:
    metrics = benchmark.get("metrics")
    if metrics is None:
        raise benchmark.error('has no "metrics"')
    notes = []
    per_message = metrics.number("iter_tokens_per_iteration", "successful", "mean")
    if per_message and per_message != 1:
        notes.append(f"{per_message:.4g} output tokens a message on average.")
    output = metrics.count("output_token_count", "successful", "total_sum")
    return Run(
        tool=_TOOL,
        variant=variant,
        place=benchmark.where,
        definitions=definitions(_TOOL),
        figures=tuple(_figures(metrics)),
        totals=Totals(
            duration_s=benchmark.number("duration"),
            attempted=metrics.count("request_totals", "total"),
            completed=metrics.count("request_totals", "successful"),
            failed=metrics.count("request_totals", "errored"),
            input_tokens=metrics.count("prompt_token_count", "successful", "total_sum"),
            output_tokens={} if output is None else {Counting.SERVER: output},
            requests_per_s=metrics.number("requests_per_second", "successful", "mean"),
            output_tokens_per_s=metrics.number("output_tokens_per_second", "successful", "mean"),
            total_tokens_per_s=metrics.number("tokens_per_second", "successful", "mean"),
            mean_concurrency=metrics.number("request_concurrency", "total", "mean"),
        ),
        setting=_setting(first, benchmark),
        requests=_requests(benchmark),
        notes=tuple(notes),
    )


def _figures(metrics: Node) -> Iterator[Figure]:
    for key, (metric, unit) in _METRICS.items():
        table = metrics.get(key, "successful")
        yield from statistics(metric, table, unit)
        percentiles = table.get("percentiles") if table else None
        for name, node in percentiles.members.items() if percentiles else ():
            if name in _PERCENTILES:
                yield figure(metric, _PERCENTILES[name], node.number(), node.where, unit)


def _setting(first: Node, benchmark: Node) -> Setting:
    own, spec = benchmark.get("config"), first.get("config", "spec")
    began = settings.number(benchmark, "start_time")
    return Setting(
        model=settings.text(own, "backend.model") or settings.text(spec, "backend.model"),
        tokenizer=settings.text(spec, "tokenizer.model"),
        date=None if began is None or began > 1e11 else str(datetime.fromtimestamp(began, UTC)),
        request_rate=settings.number(own, "strategy.rate"),
        max_concurrency=settings.count(own, "strategy.streams", "strategy.max_concurrency"),
        input_tokens=settings.count(spec, "data.0.prompt_tokens"),
        output_tokens=settings.count(spec, "data.0.output_tokens"),
        streaming=settings.flag(own, "backend.stream"),
    )


def _requests(benchmark: Node) -> Requests | None:
    """The requests that the report kept (it may keep a sample, or none).

    The latency ends with the last token where that is written, as in the tool's per-token figures,
    else with the response.
    """
    rows = Rows()
    for status in ("successful", "errored", "incomplete"):
        for node in benchmark.elements("requests", status):
            _add(rows, Record(node), status)
    return rows.requests(Counting.SERVER, Counting.CHUNKS) if len(rows) else None


def _add(rows: Rows, record: Record, status: str) -> None:
    start = record.number("info", "timings", "request_start")
    last = record.number("info", "timings", "last_token_iteration")
    messages = record.count("info", "timings", "token_iterations")
    latency = last - start
    error = "" if status == "successful" else record.text("info", "error") or status
    rows.add(
        tokens={
            Counting.SERVER: record.count("output_tokens"),
            Counting.CHUNKS: messages or UNKNOWN,
        },
        prompt=record.count("prompt_tokens"),
        start=start,
        ttft=record.number("time_to_first_token_ms") / 1e3,
        latency=record.number("request_latency") if math.isnan(latency) else latency,
        text=record.text("output"),
        ok=status == "successful",
        error=error,
    )


READERS = (JsonReader("guidellm report", _recognises, _read),)
