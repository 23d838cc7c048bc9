"""vLLM's benchmark client: ``--save-result``, ``--save-detailed``, ``--append-result``.

One JSON object a run. Which keys it has tells its age, within limits; :func:`age` says how.
"""

from __future__ import annotations

import re
from collections.abc import Container

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figures_by_key
from truetpot.serving.readers.request_lists import requests
from truetpot.serving.records import Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

OLD, NEW, UNKNOWN_AGE = "<= 0.6.6", ">= 0.7", "age unknown"
COUNTING = {
    OLD: Counting.RETOKENISED,
    NEW: Counting.SERVER,
    UNKNOWN_AGE: Counting.UNSTATED,
}
NOTE = {
    UNKNOWN_AGE: (
        "Nothing says how old the client is. Up to vLLM 0.6.6 it counted the visible text, "
        "tokenised again, and a request ended at [DONE]; from 0.7 on it takes the server's count, "
        "and a request ends with its last token."
    ),
    OLD: (
        "A client up to vLLM 0.6.6: output tokens are the visible text tokenised again. Its own "
        "latency ends at [DONE], which it does not write down; ttft + gaps end with the last chunk "
        "that had text."
    ),
}

# PR #12288, merged on 2025-01-22, made the client count and time by the server's tokens. Keys that
# came later prove it; "best_of" went after it (PR #13997), "burstiness" came before (PR #10105).
_FIX_DATE = "20250122"
_LATER_KEYS = (
    "endpoint_type",  # `vllm bench serve`, 2025
    "max_output_tokens_per_s",  # PR #23867, 2025-08
    "failed",  # PR #26478, 2025-10
    "spec_decode_acceptance_length",  # PR #31739, 2026-01
    "start_times",  # PR #32667, 2026-01
    "request_goodput",  # the key was "request_goodput:" before
    "latencies",
    "queue_times",  # PR #54136, 2026-08
)
_METRICS = {
    "ttft": Metric.TTFT,
    "tpot": Metric.TPOT,
    "itl": Metric.ITL,
    "e2el": Metric.E2E,
    "client_queue_time": Metric.QUEUE,
}


def age(keys: Container[str], date: str | None) -> str:
    """``<= 0.6.6``, ``>= 0.7`` or ``age unknown``, by the keys of a result or of its arguments."""
    if any(key in keys for key in _LATER_KEYS):
        return NEW
    if "best_of" not in keys:
        # Every client wrote what it was started with; who left that out is not known.
        return NEW if "tokenizer_id" in keys else UNKNOWN_AGE
    written = re.match(r"(\d{8})-\d{6}", date or "")
    if "burstiness" not in keys or (written and written[1] < _FIX_DATE):
        return OLD
    return UNKNOWN_AGE


def _is_result(node: Node) -> bool:
    keys = node.members
    return (
        all(key in keys for key in ("duration", "completed", "total_input_tokens"))
        and "total_output_tokens_retokenized" not in keys
    )


def _read(document: Document) -> list[Run]:
    if _is_sidecar(document.first):
        raise document.source.error(
            "is the .pytorch.json that vLLM writes beside a result, with a few of its figures: "
            "check the result itself"
        )
    return [
        _run(node, f"object {number}" if document.several else "")
        for number, node in enumerate(document.values(), 1)
    ]


def _run(node: Node, place: str) -> Run:
    if not _is_result(node):
        raise node.error("is no result of vLLM's client, though the first object is one")
    date = node.text("date")
    variant = age(node.members, date)
    counting = COUNTING[variant]
    rows = requests(node, counting)
    output_tokens = node.count("total_output_tokens")
    return Run(
        tool="vllm",
        variant=f"{'save-result' if rows is None else 'save-detailed'}, {variant}",
        place=place,
        definitions=definitions("vllm", variant),
        figures=figures_by_key(node, _METRICS),
        totals=Totals(
            duration_s=node.number("duration"),
            attempted=node.count("num_prompts"),
            completed=node.count("completed"),
            failed=node.count("failed"),
            input_tokens=node.count("total_input_tokens"),
            output_tokens={} if output_tokens is None else {counting: output_tokens},
            requests_per_s=node.number("request_throughput"),
            output_tokens_per_s=node.number("output_throughput"),
            total_tokens_per_s=node.number("total_token_throughput"),
            peak_output_tokens_per_s=node.number("max_output_tokens_per_s"),
        ),
        setting=Setting(
            model=node.text("model_id"),
            tokenizer=node.text("tokenizer_id"),
            date=date,
            request_rate=settings.number(node, "request_rate"),
            max_concurrency=settings.count(node, "max_concurrency"),
            tokens_per_step=settings.number(node, "spec_decode_acceptance_length"),
        ),
        requests=rows,
        notes=tuple(filter(None, [NOTE.get(variant)])),
    )


def _is_sidecar(first: Node) -> bool:
    record = next(first.elements(), None) if first.kind == "list" else None
    return record is not None and {"benchmark", "model", "metric"} <= record.members.keys()


READERS = (
    JsonReader("vLLM --save-result", lambda first: _is_result(first) or _is_sidecar(first), _read),
)
