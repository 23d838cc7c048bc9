"""Hugging Face inference-benchmarker's JSON report: one run a rate."""

from __future__ import annotations

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.statistics import all_statistics
from truetpot.serving.records import Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "inference-benchmarker"
_METRICS = {
    "time_to_first_token_ms": Metric.TTFT,
    "inter_token_latency_ms": Metric.TPOT,
    "e2e_latency_ms": Metric.E2E,
}

_NOTE = (
    "The tool's duration begins with the request that ended first, wherever that began: it is not"
    " used."
)


def _recognises(first: Node) -> bool:
    return {"config", "results", "system", "start_time", "end_time"} <= first.members.keys()


def _read(document: Document) -> list[Run]:
    """The warm-up is left out."""
    first = document.first
    results = [node for node in first.elements("results") if node.text("id") != "warmup"]
    if not results:
        raise first.error('has no "results" but a warm-up')
    return [_run(first, node) for node in results]

def _run(first: Node, result: Node) -> Run:
    output = result.count("total_tokens")
    config = first.get("config")
    return Run(
        tool=_TOOL,
        variant=(result.text("id") or "report")[:60],
        place=result.where,
        definitions=definitions(_TOOL),
        figures=all_statistics(result, _METRICS, "ms"),
        totals=Totals(
            attempted=result.count("total_requests"),
            completed=result.count("successful_requests"),
            failed=result.count("failed_requests"),
            input_tokens=result.count("total_tokens_sent"),
            output_tokens={} if output is None else {Counting.RETOKENISED: output},
            requests_per_s=result.number("request_rate"),
            output_tokens_per_s=result.number("token_throughput_secs"),
        ),
        setting=Setting(
            model=settings.text(config, "model_name"),
            tokenizer=settings.text(config, "tokenizer"),
            date=first.text("start_time"),
            request_rate=settings.number(result, "config.rate"),
            max_concurrency=settings.count(result, "config.max_vus"),
            input_tokens=_asked(config, "prompt_options"),
            output_tokens=_asked(config, "decode_options"),
            streaming=True,
        ),
        notes=(_NOTE,),
    )


def _asked(config: Node | None, options: str) -> int | None:
    drawn = tuple(f"{options}.{name}" for name in ("variance", "min_tokens", "max_tokens"))
    return settings.length(config, f"{options}.num_tokens", drawn=drawn)


READERS = (JsonReader("inference-benchmarker report", _recognises, _read),)
