"""evalscope's ``perf``: ``benchmark_summary.json``, and ``benchmark_percentile.json`` beside it.

The keys are words with a unit, and changed with the releases (``evalscope/perf/utils`` of 0.12.0,
0.16.3, 1.0.2 and 1.14.1); which are there tells what the time per token is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.statistics import total
from truetpot.serving.records import Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "evalscope"
CHUNKS, OLD, SECONDS = "0.13 to 0.17", "<= 0.12", "percentiles in s"
_METRICS = {
    "ttft": Metric.TTFT,
    "tpot": Metric.TPOT,
    "itl": Metric.ITL,
    "avg ttft": Metric.TTFT,
    "average time to first token": Metric.TTFT,
    "avg tpot": Metric.TPOT,
    "average time per output token": Metric.TPOT,
    "avg itl": Metric.ITL,
    "average inter-token latency": Metric.ITL,
    "avg latency": Metric.E2E,
    "average latency": Metric.E2E,
}
_COLUMNS = {"ttft": Metric.TTFT, "tpot": Metric.TPOT, "itl": Metric.ITL, "latency": Metric.E2E}
_KEY = re.compile(r"(.{1,60}) \((ms|s)\)")
_PERCENT = re.compile(r"(?:p|P)?(\d{1,2}(?:\.\d{1,3})?)%?")


# The summary


def _is_summary(first: Node) -> bool:
    keys = first.members
    return ("Success Requests" in keys and "Test Duration (s)" in keys) or (
        "Succeed requests" in keys and "Time taken for tests (s)" in keys
    )


def _read_summary(document: Document) -> list[Run]:
    """Totals of tokens are the mean length times the requests: the file has no sums.

    -1 and 0 stand for what was not measured and are left out.
    """
    first = document.first
    variant = _age(first)
    completed = settings.count(first, "Success Requests", "Succeed requests")
    output = total(_mean_length(first, "output"), completed)
    input_tokens = total(_mean_length(first, "input"), completed)
    rate = settings.number(first, "Request Rate (req/s)")
    streamed, whole = (
        settings.count(first, f"{kind} Requests") for kind in ("Stream", "Non-Stream")
    )
    notes = []
    if streamed and whole:
        notes.append(f"{whole:,} of the requests did not stream: their latency is in no TPOT.")
    return [
        Run(
            tool=_TOOL,
            variant=f"summary, {variant}" if variant else "summary",
            place="",
            definitions=definitions(_TOOL, variant),
            figures=tuple(_means(first)),
            totals=Totals(
                duration_s=first.number(
                    _one(first, "Test Duration (s)", "Time taken for tests (s)")
                ),
                attempted=settings.count(first, "Total Requests", "Total requests"),
                completed=completed,
                failed=first.count(_one(first, "Failed Requests", "Failed requests")),
                input_tokens=input_tokens,
                output_tokens={} if output is None else {Counting.UNSTATED: output},
                requests_per_s=settings.number(
                    first, "Req Throughput (req/s)", "Request throughput (req/s)", "Average QPS"
                ),
                output_tokens_per_s=settings.number(
                    first,
                    "Output Throughput (tok/s)",
                    "Output token throughput (tok/s)",
                    "Throughput(average tokens/s)",
                ),
                total_tokens_per_s=settings.number(
                    first, "Total Throughput (tok/s)", "Total token throughput (tok/s)"
                ),
            ),
            setting=Setting(
                request_rate=rate,
                max_concurrency=settings.count(first, "Concurrency", "Number of concurrency"),
                tokens_per_step=settings.number(
                    first, "Avg Decoded Tok/Iter", "Avg Decoded Tokens/Iter", "Decoded Tok/Iter"
                ),
                streaming=False if whole and not streamed else None,
            ),
            notes=tuple(notes),
        )
    ]


def _age(first: Node) -> str:
    """The variant of ``evalscope.toml``."""
    if "Throughput(average tokens/s)" in first.members:
        return OLD
    return CHUNKS if "Average package latency (s)" in first.members else ""


def _one(first: Node, *keys: str) -> str:
    """The key that is there."""
    return next((key for key in keys if key in first.members), keys[0])


def _mean_length(first: Node, which: str) -> float | None:
    return settings.number(
        first, f"Avg {which.capitalize()} Tokens", f"Average {which} tokens per request"
    )


def _means(first: Node) -> Iterator[Figure]:
    for key in first.members:
        match = _KEY.fullmatch(key)
        metric = _METRICS.get(match[1].lower()) if match else None
        value = first.number(key) if metric else None
        if match and metric and value is not None and value > 0:
            yield figure(metric, "mean", value, key, match[2])


# The percentiles


def _is_percentiles(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else None
    return some is not None and (
        "Percentiles" in some.members
        and any(key in some.members for key in ("TPOT (ms)", "TPOT (s)", "Latency (s)"))
    )


def _read_percentiles(document: Document) -> list[Run]:
    figures = tuple(_percentiles(document.first))
    if not figures:
        raise document.first.error("has no percentile of a time")
    in_seconds = any(each.metric is Metric.TPOT and each.unit == "s" for each in figures)
    variant = SECONDS if in_seconds else ""
    return [
        Run(
            tool=_TOOL,
            variant="percentiles",
            place="",
            definitions=definitions(_TOOL, variant),
            figures=figures,
            totals=Totals(),
            setting=Setting(),
            notes=("Totals and means are in benchmark_summary.json beside it.",),
        )
    ]


def _percentiles(rows: Node) -> Iterator[Figure]:
    for row in rows.elements():
        match = _PERCENT.fullmatch(row.text("Percentiles") or "")
        for key in row.members if match else ():
            column = _KEY.fullmatch(key)
            metric = _COLUMNS.get(column[1].lower()) if column else None
            value = row.number(key) if metric else None
            if match and column and metric and value is not None:
                share = float(match[1])
                statistic = "median" if share == 50 else f"p{share:g}"
                yield figure(metric, statistic, value, f"{row.where}.{key}", column[2])


READERS = (
    JsonReader("evalscope benchmark_summary.json", _is_summary, _read_summary),
    JsonReader("evalscope benchmark_percentile.json", _is_percentiles, _read_percentiles),
)
