"""``trtllm-bench``: the JSON of ``--report_json``, and the report that it prints.

Keys and lines are those of ``tensorrt_llm/bench/dataclasses/reporting.py`` of NVIDIA/TensorRT-LLM
at 0249976. Times of a token are there with ``--streaming`` only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader, TextReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.drafts import drafts
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.json_values import as_float
from truetpot.serving.readers.numbers import whole_lines
from truetpot.serving.readers.source import Source
from truetpot.serving.readers.statistics import total
from truetpot.serving.records import Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "trtllm-bench"
_TABLES = {
    "performance.request_latency_percentiles_ms": Metric.E2E,
    "streaming_metrics.tpot_percentiles": Metric.TPOT,
    "streaming_metrics.ttft_percentiles": Metric.TTFT,
}
_STATISTICS = {
    "average": "mean",
    "p50": "median",
    "minimum": "min",
    "maximum": "max",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
}
_ACCEPTED = "draft_acceptance_rate_percentiles"
"""A mean over the requests."""
_NO_TOKENS = "Without --streaming there is no time per token in it: run it again with that."


# JSON


def _is_json(first: Node) -> bool:
    return {"engine", "world_info", "request_info", "performance"} <= first.members.keys()


def _read_json(document: Document) -> list[Run]:
    first = document.first
    figures = tuple(_of_tables(first))
    requests, performance = first.get("request_info"), first.get("performance")
    duration = first.number("performance", "total_latency_ms")
    completed = settings.count(requests, "num_requests")
    output = total(settings.number(requests, "avg_output_length"), completed)
    return [
        Run(
            tool=_TOOL,
            variant="json",
            place="",
            definitions=definitions(_TOOL),
            figures=figures,
            totals=Totals(
                duration_s=None if duration is None else duration / 1e3,
                completed=completed,
                input_tokens=total(settings.number(requests, "avg_input_length"), completed),
                output_tokens={} if output is None else {Counting.SERVER: output},
                requests_per_s=settings.number(performance, "request_throughput_req_s"),
                output_tokens_per_s=settings.number(performance, "system_output_throughput_tok_s"),
                total_tokens_per_s=settings.number(performance, "system_total_throughput_tok_s"),
                mean_concurrency=settings.number(requests, "avg_num_concurrent_requests"),
            ),
            setting=Setting(
                model=settings.text(first, "engine.model"),
                tokens_per_step=settings.number(
                    first, "decoding_stats.acceptance_length_percentiles.average"
                ),
                weight_format=settings.text(first, "engine.quantization", "engine.dtype"),
                kv_format=settings.text(first, "engine.kv_cache_dtype"),
                device=settings.text(first, "machine.name"),
                devices=settings.count(first, "world_info.world_size"),
                tool_version=settings.text(first, "engine.version"),
                streaming="streaming_metrics" in first.members,
            ),
            drafts=drafts(
                _ACCEPTED,
                rate=settings.ratio(first, f"decoding_stats.{_ACCEPTED}.average"),
            ),
            notes=_notes(figures),
        )
    ]


def _of_tables(first: Node) -> Iterator[Figure]:
    for path, metric in _TABLES.items():
        table = first.get(*path.split("."))
        for key, node in table.members.items() if table else ():
            if key in _STATISTICS:
                yield figure(metric, _STATISTICS[key], node.number(), node.where, "ms")


# The printed report

_HEADING = "= PERFORMANCE OVERVIEW"
_LABELS = {
    "Model": "model",
    "TensorRT LLM Version": "version",
    "TensorRT-LLM Version": "version",
    "Dtype": "dtype",
    "KV Cache Dtype": "kv",
    "Quantization": "quantization",
    "TP Size": "tp",
    "PP Size": "pp",
    "Number of requests": "requests",
    "Number of concurrent requests": "concurrency",
    "Average Input Length (tokens)": "input",
    "Average Output Length (tokens)": "output",
    "Request Throughput (req/sec)": "requests_per_s",
    "Total Output Throughput (tokens/sec)": "output_per_s",
    "Total Token Throughput (tokens/sec)": "total_per_s",
    "Total Latency (ms)": "duration_ms",
}
_MEANS = {
    "Average request latency (ms)": Metric.E2E,
    "Average time-to-first-token [TTFT] (ms)": Metric.TTFT,
    "Average time-per-output-token [TPOT] (ms)": Metric.TPOT,
}
_LINE = re.compile(r"\s*([A-Z][\w \[\]()/-]{1,60}?):\s+(\S.{0,299})")
_STATISTIC = re.compile(r"\s*\[(TPOT|TTFT|Latency)\] (\w{2,8}) *: +(\S{1,40})\s*")
_OF = {"TPOT": Metric.TPOT, "TTFT": Metric.TTFT, "Latency": Metric.E2E}
_DECODING = re.compile(r"\s*\[(AL|DAR)\] AVERAGE *: +(\S{1,40})\s*")
"""Acceptance length, draft acceptance rate."""


def _read_text(source: Source) -> list[Run]:
    """One run a report; what stands above its overview is of it too."""
    reports: list[tuple[int, dict[str, str], dict[tuple[Metric, str], Figure]]] = []
    words: dict[str, str] = {}
    for line, text in whole_lines(source):
        if text.strip() == _HEADING:
            words = dict(words)
            reports.append((line, words, {}))
        elif text.strip() in ("= PYTORCH BACKEND", "= ENGINE DETAILS"):
            words = {}
        elif match := _LINE.fullmatch(text):
            if match[1] in _LABELS:
                words[_LABELS[match[1]]] = match[2].strip()
            elif reports and match[1] in _MEANS:
                _add(reports[-1][2], _MEANS[match[1]], "mean", match[2].strip(), match[1])
        elif reports and (match := _STATISTIC.fullmatch(text)):
            if statistic := _STATISTICS.get(match[2].lower()):
                _add(reports[-1][2], _OF[match[1]], statistic, match[3], f"[{match[1]}] {match[2]}")
        elif match := _DECODING.fullmatch(text):
            words[match[1]] = match[2]
    runs = [
        _report(words, tuple(figures.values()), f"line {line}" if len(reports) > 1 else "")
        for line, words, figures in reports
    ]
    if not any(run.figures for run in runs):
        raise source.error(f'has "{_HEADING}" and no time below it: it was cut off')
    return runs


def _add(
    figures: dict[tuple[Metric, str], Figure], metric: Metric, statistic: str, word: str, key: str
) -> None:
    """The mean of all requests is printed twice: the first one stays."""
    if (value := as_float(word)) is not None:
        figures.setdefault((metric, statistic), figure(metric, statistic, value, key, "ms"))


def _report(words: Mapping[str, str], figures: tuple[Figure, ...], place: str) -> Run:
    def number(key: str) -> float | None:
        return as_float(words.get(key, ""))

    def text(key: str) -> str | None:
        return words.get(key) if words.get(key) not in ("None", "Unknown", "") else None

    completed = total(number("requests"), 1)
    output = total(number("output"), completed)
    duration = number("duration_ms")
    cards = [total(number(key), 1) for key in ("tp", "pp")]
    return Run(
        tool=_TOOL,
        variant="printed report",
        place=place,
        definitions=definitions(_TOOL),
        figures=figures,
        totals=Totals(
            duration_s=None if duration is None else duration / 1e3,
            completed=completed,
            input_tokens=total(number("input"), completed),
            output_tokens={} if output is None else {Counting.SERVER: output},
            requests_per_s=number("requests_per_s"),
            output_tokens_per_s=number("output_per_s"),
            total_tokens_per_s=number("total_per_s"),
            mean_concurrency=number("concurrency"),
        ),
        setting=Setting(
            model=text("model"),
            tokens_per_step=number("AL"),
            weight_format=text("quantization") or text("dtype"),
            kv_format=text("kv"),
            devices=cards[0] * (cards[1] or 1) if cards[0] else None,
            tool_version=text("version"),
            streaming=any(each.metric is Metric.TPOT for each in figures),
        ),
        drafts=drafts("[DAR] AVERAGE", rate=number("DAR")),
        notes=_notes(figures),
    )


def _notes(figures: tuple[Figure, ...]) -> tuple[str, ...]:
    return () if any(each.metric is Metric.TPOT for each in figures) else (_NO_TOKENS,)


READERS = (
    JsonReader("trtllm-bench --report_json", _is_json, _read_json),
    TextReader(
        "the report that trtllm-bench prints",
        lambda source: (
            source.has(_HEADING.encode()) and source.has(b"Request Throughput (req/sec)")
        ),
        _read_text,
    ),
)
