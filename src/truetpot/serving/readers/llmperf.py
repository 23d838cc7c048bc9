"""Reads llmperf's ``*_summary.json`` and ``*_individual_responses.json``."""

from __future__ import annotations

from itertools import islice

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import Record, Rows
from truetpot.serving.records import Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "llmperf"
_METRICS = {
    "ttft_s": Metric.TTFT,
    "inter_token_latency_s": Metric.TPOT,
    "end_to_end_latency_s": Metric.E2E,
}
_STATISTICS = {
    "mean": "mean",
    "min": "min",
    "max": "max",
    "stddev": "std",
    "quantiles_p25": "p25",
    "quantiles_p50": "median",
    "quantiles_p75": "p75",
    "quantiles_p90": "p90",
    "quantiles_p95": "p95",
    "quantiles_p99": "p99",
}


def _is_summary(first: Node) -> bool:
    return {"results_ttft_s_mean", "results_inter_token_latency_s_mean"} <= first.members.keys()


def _read_summary(document: Document) -> list[Run]:
    first = document.first
    figures = tuple(
        figure(metric, statistic, node.number(), key, "s")
        for name, metric in _METRICS.items()
        for suffix, statistic in _STATISTICS.items()
        if (node := first.members.get(key := f"results_{name}_{suffix}")) is not None
    )
    per_minute = first.number("results_num_completed_requests_per_min")
    totals = Totals(
        attempted=first.count("results_num_requests_started"),
        completed=first.count("results_num_completed_requests"),
        failed=first.count("results_number_errors"),
        requests_per_s=None if per_minute is None else per_minute / 60,
        output_tokens_per_s=first.number("results_mean_output_throughput_token_per_s"),
    )
    setting = Setting(
        model=settings.text(first, "model"),
        max_concurrency=settings.count(first, "num_concurrent_requests"),
        input_tokens=settings.length(first, "mean_input_tokens", drawn=("stddev_input_tokens",)),
        output_tokens=settings.length(first, "mean_output_tokens", drawn=("stddev_output_tokens",)),
        streaming=True,
    )
    return [Run(_TOOL, "summary", "", definitions(_TOOL), figures, totals, setting)]


def _is_rows(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else None
    return some is not None and {*_METRICS, "number_output_tokens"} <= some.members.keys()


def _read_rows(document: Document) -> list[Run]:
    rows = Rows()
    for node in document.first.elements():
        record = Record(node)
        failed = record.value.get("error_code") is not None
        rows.add(
            tokens={Counting.RETOKENISED: record.count("number_output_tokens")},
            prompt=record.count("number_input_tokens"),
            ttft=record.number("ttft_s"),
            latency=record.number("end_to_end_latency_s"),
            start=record.number("start_time"),
            ok=not failed,
            error=record.text("error_msg") or "no message" if failed else "",
        )
    return [
        Run(
            tool=_TOOL,
            variant="per request",
            place="",
            definitions=definitions(_TOOL),
            figures=(),
            totals=rows.totals(),
            setting=Setting(streaming=True),
            requests=rows.requests(Counting.RETOKENISED),
        )
    ]


READERS = (
    JsonReader("llmperf summary", _is_summary, _read_summary),
    JsonReader("llmperf individual responses", _is_rows, _read_rows),
)
