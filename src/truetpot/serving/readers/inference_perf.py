"""inference-perf (kubernetes-sigs): lifecycle reports, and the file of one row a request."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.rows import NAN, Record, Rows
from truetpot.serving.readers.statistics import all_statistics, total
from truetpot.serving.records import UNKNOWN, Counting, Floats, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "inference-perf"
_METRICS = {
    "time_to_first_token": Metric.TTFT,
    "time_per_output_token": Metric.TPOT,
    "inter_token_latency": Metric.ITL,
    "request_latency": Metric.E2E,
    "normalized_time_per_output_token": Metric.E2E_PER_TOKEN,
}


# Reports


def _is_report(first: Node) -> bool:
    return {"load_summary", "successes", "failures"} <= first.members.keys()


def _read_report(document: Document) -> list[Run]:
    """Totals of tokens tokenised again are the mean length times the requests."""
    first = document.first
    successes = first.get("successes")
    if successes is None:
        raise first.error('has no "successes"')
    variant = _variant(first, successes)
    tables = successes.get("latency") or successes
    figures = all_statistics(tables, _METRICS, "s")
    if not figures:
        raise successes.error("has no latency of any kind in it")
    concurrency = settings.count(first, "load_summary.concurrency")
    # with a concurrency the requested rate is the number of requests
    rate = None if concurrency else settings.number(first, "load_summary.requested_rate")
    return [
        Run(
            tool=_TOOL,
            variant=variant or "lifecycle",
            place="",
            definitions=definitions(_TOOL, variant),
            figures=figures,
            totals=_totals(first, successes),
            setting=Setting(request_rate=rate, max_concurrency=concurrency),
        )
    ]


def _variant(first: Node, successes: Node) -> str:
    if "latency" not in successes.members and "rate" in successes.members:
        return "server metrics"
    return "" if "output_tokens" in successes.members else "messages"


def _totals(first: Node, successes: Node) -> Totals:
    completed = successes.count("count")
    tokens = {
        Counting.RETOKENISED: total(successes.number("output_len", "mean"), completed),
        Counting.SERVER: successes.count("output_tokens", "total"),
    }
    prompts = successes.count("prompt_tokens", "total")
    return Totals(
        duration_s=first.number("benchmark_time_seconds") or None,
        attempted=first.count("load_summary", "count"),
        completed=completed,
        failed=first.count("failures", "count"),
        input_tokens=prompts or total(successes.number("prompt_len", "mean"), completed),
        output_tokens={key: count for key, count in tokens.items() if count is not None},
        requests_per_s=successes.number("throughput", "requests_per_sec"),
        output_tokens_per_s=successes.number("throughput", "output_tokens_per_sec"),
        total_tokens_per_s=successes.number("throughput", "total_tokens_per_sec"),
        cached_tokens=successes.count("prompt_tokens", "cached"),
    )


# One row a request


def _is_rows(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else None
    return some is not None and {"start_time", "end_time", "info", "error"} <= some.members.keys()


def _read_rows(document: Document) -> list[Run]:
    """The latency ends with the last timestamp of a token, as in the tool's time per token; without
    one (no streaming) with the response. Timestamps are of tokens in newer files, the tokens of a
    message having its time, so that equal ones are one message; of messages in older ones.
    """
    rows = Rows()
    began = NAN
    variant = ""
    for node in document.first.elements():
        record = Record(node)
        start, end = record.number("start_time"), record.number("end_time")
        began = start if math.isnan(began) else began
        of_response: tuple[str, ...] = ("info", "response_metrics")
        info = record.value.get("info")
        if type(info) is dict and "response_metrics" not in info:
            of_response, variant = ("info",), "messages"
        stamps = record.floats(*of_response, "output_token_times")
        stamps = np.empty(0) if stamps is None else stamps
        messages = stamps if variant else stamps[np.diff(stamps, prepend=NAN) != 0]
        failed = record.value.get("error") is not None
        rows.add(
            tokens={
                Counting.RETOKENISED: record.count(*of_response, "output_tokens"),
                Counting.CHUNKS: len(messages) or UNKNOWN,
                Counting.SERVER: record.count(*of_response, "server_usage", "completion_tokens"),
            },
            prompt=_prompt(record),
            start=start - began,
            ttft=_last(stamps[:1]) - start,
            latency=(_last(stamps) if len(stamps) else end) - start,
            gaps=np.diff(messages) if len(stamps) else None,
            first_tokens=int(np.sum(stamps == messages[0])) if len(messages) else UNKNOWN,
            ok=not failed,
            error=_error(record) if failed else "",
        )
    counting = (Counting.CHUNKS,) if variant else (Counting.RETOKENISED, Counting.CHUNKS)
    return [
        Run(
            tool=_TOOL,
            variant="per request",
            place="",
            definitions=definitions(_TOOL, variant),
            figures=(),
            totals=rows.totals(),
            setting=Setting(streaming=rows.has_gaps),
            requests=rows.requests(*counting),
        )
    ]


def _last(stamps: Floats) -> float:
    return float(stamps[-1]) if len(stamps) else NAN


def _prompt(record: Record) -> int:
    told = record.count("info", "request_metrics", "text", "input_tokens")
    return record.count("info", "input_tokens") if told == UNKNOWN else told


def _error(record: Record) -> str:
    kind, message = record.text("error", "error_type"), record.text("error", "error_msg")
    return ": ".join(part for part in (kind, message) if part) or "no message"


READERS = (
    JsonReader("inference-perf lifecycle metrics", _is_report, _read_report),
    JsonReader("inference-perf per-request lifecycle metrics", _is_rows, _read_rows),
)
