"""AIPerf: one JSON line a request, ``profile_export.jsonl``, and the summary of a run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.drafts import drafts
from truetpot.serving.readers.rows import NAN, Record, Rows
from truetpot.serving.readers.statistics import (
    PER_SECOND,
    TIME_UNITS,
    all_statistics,
    low_lengths,
    total,
    unit_of_time,
    unknown_unit,
)
from truetpot.serving.records import UNKNOWN, Counting, Floats, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_Number = TypeVar("_Number", int, float)
TOOL = "aiperf"
METRICS = {
    "time_to_first_token": Metric.TTFT,
    "inter_token_latency": Metric.TPOT,
    "inter_chunk_latency": Metric.ITL,
    "request_latency": Metric.E2E,
}


# One line a request


def _is_lines(first: Node) -> bool:
    metadata, metrics = first.members.get("metadata"), first.members.get("metrics")
    return (
        metadata is not None
        and metrics is not None
        and {"request_start_ns", "request_end_ns"} <= metadata.members.keys()
    )


def _read_lines(document: Document) -> list[Run]:
    """Requests of the warm-up phase are left out, as AIPerf leaves them out of its summary."""
    rows = Rows()
    warm_up = 0
    began: int | None = None
    for node in document.values():
        record = Record(node)
        if record.text("metadata", "benchmark_phase") == "warmup":
            warm_up += 1
            continue
        start = record.count("metadata", "request_start_ns")
        began = start if began is None and start != UNKNOWN else began
        failed = record.value.get("error") is not None
        rows.add(
            tokens={
                Counting.RETOKENISED: _tokens(record, "output_sequence_length"),
                Counting.SERVER: _tokens(record, "usage_completion_tokens"),
            },
            start=NAN if began is None or start == UNKNOWN else (start - began) / 1e9,
            prompt=max(_tokens(record, "input_sequence_length"), _tokens(record, "error_isl")),
            ttft=_seconds(record, "time_to_first_token"),
            latency=_seconds(record, "request_latency"),
            gaps=_gaps(record),
            ok=not failed,
            error=_error(record) if failed else "",
        )
    if not len(rows):
        raise document.source.error("has warm-up requests only: let the benchmark run on")
    return [
        Run(
            tool=TOOL,
            variant="records",
            place="",
            definitions=definitions(TOOL),
            figures=(),
            totals=rows.totals(),
            setting=Setting(streaming=True if rows.has_gaps else None),
            requests=rows.requests(Counting.RETOKENISED),
            notes=(f"{warm_up:,} warm-up requests are left out.",) if warm_up else (),
        )
    ]


def _tokens(record: Record, metric: str) -> int:
    return record.count("metrics", metric, "value")


def _per_second(record: Record, metric: str) -> float:
    unit = record.text("metrics", metric, "unit")
    if unit not in TIME_UNITS:
        raise record.node.members["metrics"].members[metric].error(unknown_unit(unit))
    return PER_SECOND[TIME_UNITS[unit]]


def _seconds(record: Record, metric: str) -> float:
    value = record.number("metrics", metric, "value")
    return NAN if math.isnan(value) else value / _per_second(record, metric)


def _gaps(record: Record) -> Floats | None:
    values = record.floats("metrics", "inter_chunk_latency", "value")
    return None if values is None else values / _per_second(record, "inter_chunk_latency")


def _error(record: Record) -> str:
    """The status of an HTTP answer stands before the server's own words."""
    said = record.text("error", "message") or record.text("error", "type") or "no message"
    code = record.count("error", "code")
    return said if code == UNKNOWN else f"{code} {said}"


# The summary: profile_export_aiperf.json


def _is_summary(first: Node) -> bool:
    marks = ("aiperf_version", "was_cancelled", "error_summary", "start_time")
    tables = _tables(first).members
    return (
        "input_config" in first.members
        and any(mark in first.members for mark in marks)
        and any("unit" in tables[key].members for key in METRICS if key in tables)
    )


def _tables(first: Node) -> Node:
    """In 2025 the metrics were one level down."""
    return first.get("records") or first


def _read_summary(document: Document) -> list[Run]:
    """Where the file has no sum of tokens, it is the mean length times the requests."""
    first = document.first
    tables = _tables(first)

    def mean(metric: str) -> float | None:
        return tables.number(metric, "avg")

    config = first.get("input_config")
    from_server = settings.flag(config, "endpoint.use_server_token_count")
    counted = Counting.SERVER if from_server else Counting.RETOKENISED
    completed = tables.count("request_count", "avg")
    length = total(mean("output_sequence_length"), completed)
    sums = {
        Counting.SERVER: tables.count("total_usage_completion_tokens", "avg"),
        counted: tables.count("total_osl", "avg") or length,
    }
    prompts = tables.count("total_isl", "avg")
    duration = tables.get("benchmark_duration")
    failed = tables.count("error_request_count", "avg")
    return [
        Run(
            tool=TOOL,
            variant="summary, server's counts" if from_server else "summary",
            place="",
            definitions=definitions(TOOL, "server's counts" if from_server else ""),
            figures=all_statistics(tables, METRICS),
            totals=Totals(
                low_lengths=low_lengths(tables.get("output_sequence_length")),
                duration_s=None if duration is None else _duration(duration),
                completed=completed,
                failed=failed,
                input_tokens=prompts or total(mean("input_sequence_length"), completed),
                output_tokens={key: count for key, count in sums.items() if count is not None},
                requests_per_s=mean("request_throughput"),
                output_tokens_per_s=mean("output_token_throughput"),
                total_tokens_per_s=mean("total_token_throughput"),
                mean_concurrency=mean("effective_concurrency"),
            ),
            setting=replace(
                _setting(config, first.text("start_time")),
                tool_version=settings.text(first, "aiperf_version"),
                tokens_per_step=settings.number(
                    tables, "overall_acceptance_length.avg", "acceptance_length.avg"
                ),
            ),
            drafts=drafts(
                "total_draft_tokens",
                steps=settings.number(tables, "total_decode_iterations.avg"),
                drafted=settings.number(tables, "total_draft_tokens.avg"),
                accepted=settings.ratio(tables, "total_accepted_draft_tokens.avg"),
                rate=settings.ratio(tables, "overall_draft_acceptance_rate.avg"),
            ),
            notes=("The run was cancelled.",) if first.flag("was_cancelled") else (),
        )
    ]


def _duration(table: Node) -> float | None:
    value = table.number("avg")
    return None if value is None else value / PER_SECOND[unit_of_time(table)]


def _setting(config: Node | None, date: str | None) -> Setting:
    """The configuration has had two forms: by command line group, and by phase."""
    phases = _measured_phases(config)
    rates = {settings.number(phase, "rate") for phase in phases}
    limits = {settings.count(phase, "concurrency") for phase in phases}
    return Setting(
        model=settings.text(config, "endpoint.model_names", "models.items.0.name", "models.0.name"),
        tokenizer=settings.text(config, "tokenizer.name"),
        date=date,
        request_rate=settings.number(config, "loadgen.request_rate") or _only(rates),
        max_concurrency=settings.count(config, "loadgen.concurrency") or _only(limits),
        input_tokens=settings.length(
            config, "input.prompt.input_tokens.mean", "datasets.0.prompts.isl",
            drawn=("input.prompt.input_tokens.stddev", "datasets.0.prompts.isl_stddev"),
        ),
        output_tokens=settings.length(
            config, "input.prompt.output_tokens.mean", "datasets.0.prompts.osl",
            drawn=("input.prompt.output_tokens.stddev", "datasets.0.prompts.osl_stddev"),
        ),
        ignore_eos=settings.flag(config, "input.extra.ignore_eos", "endpoint.extra.ignore_eos"),
        streaming=settings.flag(config, "endpoint.streaming"),
    )


def _measured_phases(config: Node | None) -> list[Node]:
    """Those that the figures are of, by their role, wherever they stand.

    A phase is excluded if it says so or is of the kind ``warmup``; a phase without a kind has it by
    its name (``aiperf/config/phases.py``, 0.13.0).
    """
    phases = config.get("phases") if config else None
    if phases is None:
        return []
    if phases.kind == "list":
        named = [(settings.text(phase, "name"), phase) for phase in phases.elements()]
    else:
        named = list(phases.members.items())
    return [
        phase
        for name, phase in named
        if (settings.text(phase, "kind") or name) != "warmup"
        and not settings.flag(phase, "exclude_from_results")
    ]


def _only(values: set[_Number | None]) -> _Number | None:
    """The one value that all phases have."""
    return next(iter(values)) if len(values) == 1 else None


READERS = (
    JsonReader("AIPerf profile_export.jsonl", _is_lines, _read_lines),
    JsonReader("AIPerf profile_export_aiperf.json", _is_summary, _read_summary),
)
