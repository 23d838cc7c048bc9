"""Reads the summary of GenAI-Perf, ``profile_export_genai_perf.json``."""

from __future__ import annotations

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.statistics import all_statistics, low_lengths, total
from truetpot.serving.records import Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

TOOL = "genai-perf"
METRICS = {
    "time_to_first_token": Metric.TTFT,
    "inter_token_latency": Metric.TPOT,
    "request_latency": Metric.E2E,
}


def _recognises(first: Node) -> bool:
    from_aiperf = ("aiperf_version", "schema_version", "was_cancelled", "error_summary")
    return (
        "input_config" in first.members
        and any("unit" in first.members[key].members for key in METRICS if key in first.members)
        and not any(key in first.members for key in (*from_aiperf, "start_time", "records"))
    )


def _read(document: Document) -> list[Run]:
    """Totals of tokens are the mean length times the requests: the file has no sums."""
    first = document.first
    completed = first.count("request_count", "avg")
    output = total(first.number("output_sequence_length", "avg"), completed)
    totals = Totals(
        low_lengths=low_lengths(first.get("output_sequence_length")),
        completed=completed,
        input_tokens=total(first.number("input_sequence_length", "avg"), completed),
        output_tokens={} if output is None else {Counting.RETOKENISED: output},
        requests_per_s=first.number("request_throughput", "avg"),
        output_tokens_per_s=first.number("output_token_throughput", "avg"),
    )
    config = first.get("input_config")
    ignore_eos = settings.flag(config, "extra_inputs.ignore_eos", "input.extra.ignore_eos")
    setting = Setting(
        model=settings.text(config, "model_names", "model"),
        tokenizer=settings.text(config, "tokenizer.name", "tokenizer"),
        request_rate=settings.number(config, "request_rate", "perf_analyzer.stimulus.request_rate"),
        max_concurrency=settings.count(config, "concurrency", "perf_analyzer.stimulus.concurrency"),
        input_tokens=settings.length(
            config, "synthetic_input_tokens_mean", "input.synthetic_tokens.mean",
            drawn=("synthetic_input_tokens_stddev", "input.synthetic_tokens.stddev"),
        ),
        output_tokens=_asked(config, ignore_eos),
        ignore_eos=ignore_eos,
        streaming=settings.flag(config, "streaming", "endpoint.streaming"),
    )
    figures = all_statistics(first, METRICS)
    return [Run(TOOL, "summary", "", definitions(TOOL), figures, totals, setting)]


def _asked(config: Node | None, ignore_eos: bool | None) -> int | None:
    """The length asked for; ``max_tokens`` is a limit, unless nothing may end before it."""
    paths = ["output_tokens_mean", "input.output_tokens.mean", "extra_inputs.min_tokens"]
    if ignore_eos:
        paths.append("extra_inputs.max_tokens")
    drawn = ("output_tokens_stddev", "input.output_tokens.stddev")
    return settings.length(config, *paths, drawn=drawn)


READERS = (JsonReader("GenAI-Perf profile_export_genai_perf.json", _recognises, _read),)
