"""SGLang's ``bench_serving --output-file``: a line a run, with ``--output-details`` or without."""

from __future__ import annotations

from dataclasses import replace

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figures_by_key
from truetpot.serving.readers.request_lists import requests
from truetpot.serving.records import Counting, Metric, Requests, Run, Setting, Totals
from truetpot.serving.tools import definitions

NATIVE, OPENAI, REQUESTED, UNKNOWN_BACKEND = "native", "openai", "requested", "backend unknown"
COUNTING = {
    NATIVE: Counting.SERVER,
    OPENAI: Counting.UNSTATED,
    REQUESTED: Counting.REQUESTED,
    UNKNOWN_BACKEND: Counting.UNSTATED,
}
NOTE = {
    OPENAI: (
        "Output tokens are the server's usage count if it sent one while streaming, else the "
        "length asked for: nothing says which."
    ),
    UNKNOWN_BACKEND: "Nothing says which backend it was, nor how output tokens were counted.",
}
_BACKENDS = {
    "sglang": NATIVE,
    "sglang-native": NATIVE,
    "trt": REQUESTED,
    "gserver": REQUESTED,
    "truss": REQUESTED,
}
_METRICS = {
    "ttft": Metric.TTFT,
    "tpot": Metric.TPOT,
    "itl": Metric.ITL,
    "e2e_latency": Metric.E2E,
}
_MARK = "total_output_tokens_retokenized"


def way_of_counting(backend: str | None) -> str:
    """The variant of ``sglang.toml`` that a ``--backend`` leads to."""
    return _BACKENDS.get(backend, OPENAI) if backend else UNKNOWN_BACKEND


def _recognises(first: Node) -> bool:
    return _MARK in first.members and "duration" in first.members


def _read(document: Document) -> list[Run]:
    return [_run(node, node.where) for node in document.values()]


def _run(node: Node, place: str) -> Run:
    if not _recognises(node):
        raise node.error("is no result of SGLang's bench_serving, though the first line is one")
    backend = settings.text(node, "backend")
    variant = way_of_counting(backend)
    counting = COUNTING[variant]
    rows = requests(node, counting)
    if rows is not None and variant == NATIVE:
        rows = replace(rows, gap_unit_is_token=_one_gap_a_token(rows))
    totals = {counting: node.count("total_output_tokens"), Counting.RETOKENISED: node.count(_MARK)}
    input_tokens, output_tokens = requested(node)
    return Run(
        tool="sglang",
        variant=f"{'jsonl' if rows is None else 'jsonl with details'}, {backend or variant}",
        place=place,
        definitions=definitions("sglang", variant),
        figures=figures_by_key(node, _METRICS),
        totals=Totals(
            duration_s=node.number("duration"),
            attempted=None if rows is None else len(rows),
            completed=node.count("completed"),
            input_tokens=node.count("total_input_tokens"),
            output_tokens={key: count for key, count in totals.items() if count is not None},
            requests_per_s=node.number("request_throughput"),
            output_tokens_per_s=node.number("output_throughput"),
            total_tokens_per_s=node.number("total_throughput"),
            peak_output_tokens_per_s=node.number("max_output_tokens_per_s"),
            mean_concurrency=node.number("concurrency"),
            cached_tokens=node.count("cache_report", "total_cached_tokens"),
        ),
        setting=Setting(
            model=settings.text(node, "server_info.model_path"),
            tokenizer=settings.text(node, "server_info.tokenizer_path"),
            request_rate=settings.number(node, "request_rate"),
            max_concurrency=settings.count(node, "max_concurrency"),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            tokens_per_step=settings.number(node, "accept_length"),
            weight_format=settings.text(node, "server_info.quantization"),
            tool_version=settings.text(node, "server_info.version"),
            devices=settings.count(node, "server_info.tp_size"),
            kv_format=_kv_format(node),
            tokens_per_chunk=settings.count(node, "server_info.stream_interval"),
            range_ratio=settings.ratio(node, "random_range_ratio"),
        ),
        requests=rows,
        notes=tuple(filter(None, [NOTE.get(variant)])),
    )


def requested(node: Node) -> tuple[int | None, int | None]:
    """Prompt and output tokens of every request, as asked for; None where they were drawn at
    random, as ``random_range_ratio`` below 1 has it."""
    dataset = settings.text(node, "dataset_name") or ""
    if dataset.startswith("random"):
        if settings.number(node, "random_range_ratio") != 1:
            return None, None
        lengths = ("random_input_len", "random_output_len")
        return settings.count(node, lengths[0]), settings.count(node, lengths[1])
    if dataset == "sharegpt":
        return None, settings.count(node, "sharegpt_output_len")
    return None, None


def _kv_format(node: Node) -> str | None:
    """``auto`` is that of the activations, which the file may not name."""
    found = settings.text(node, "server_info.kv_cache_dtype")
    return None if found == "auto" else found


def _one_gap_a_token(rows: Requests) -> bool:
    """Whether gaps are divided by the tokens of their chunk, as they were not in older clients.

    With k tokens in every chunk there are n - k gaps if they are, and n / k - 1 if not.
    """
    if rows.gaps is None:
        return False
    many = rows.ok & (rows.tokens > 1)
    return bool(rows.gaps.counts()[many].sum() > (rows.tokens[many] - 1).sum() / 2)


READERS = (JsonReader("SGLang bench_serving --output-file", _recognises, _read),)
