"""vLLM's benchmark client: ``--save-result``, ``--save-detailed``, ``--append-result``.

One JSON object a run, one after the other, or in a list as ``vllm bench sweep serve`` puts them
into its ``summary.json`` (``vllm/benchmarks/sweep/serve.py`` at 0031557), with what it varied as
further keys. Which keys an object has tells its age, within limits; :func:`age` says how.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from functools import partial
from itertools import islice

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.drafts import drafts, shares
from truetpot.serving.readers.figures import Fields, figures_by_key
from truetpot.serving.readers.request_lists import requests
from truetpot.serving.readers.rows import objects
from truetpot.serving.records import (
    Counting,
    Drafts,
    Metric,
    Requests,
    Run,
    Setting,
    Totals,
)
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
_POSITIONS = "spec_decode_per_position_acceptance_rates"
STREAM_INTERVAL = ("stream_interval", "stream-interval", "--stream-interval")
"""Keys under which a sweep, or ``--metadata``, writes the server's argument down."""
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


def exact_ratio(keys: Container[str]) -> float | None:
    """The ``--random-range-ratio`` with which every random length is the one asked for; None where
    nothing tells.

    At first lengths were drawn from ratio times the length up to the length, as SGLang still does;
    since PR #16126 (2025-04) from 1 - ratio to 1 + ratio times the length.
    """
    if any(key in keys for key in (*_LATER_KEYS, "dispatch_function")):
        return 0.0  # `vllm bench`, which is as new, passes dispatch_function
    return 1.0 if age(keys, None) == OLD else None


def is_result(keys: Container[str]) -> bool:
    """Whether a result of the client has these keys."""
    return (
        all(key in keys for key in ("duration", "completed", "total_input_tokens"))
        and "total_output_tokens_retokenized" not in keys
    )


def _one(first: Node) -> Node:
    """Of a list its first element."""
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else None
    return some or first


def _read(document: Document) -> list[Run]:
    if _is_sidecar(document.first):
        raise document.source.error(
            "is the .pytorch.json that vLLM writes beside a result, with a few of its figures: "
            "check the result itself"
        )
    nodes = list(objects(document))
    return [_run(node, _place(node, number, len(nodes))) for number, node in enumerate(nodes, 1)]


def _place(node: Node, number: int, several: int) -> str:
    if node.where.startswith("["):
        return node.where
    return f"object {number}" if several > 1 else ""


def _run(node: Node, place: str) -> Run:
    if not is_result(node.members):
        raise node.error("is no result of vLLM's client, though the first object is one")
    setting = Setting(
        model=node.text("model_id"),
        tokenizer=node.text("tokenizer_id"),
        date=node.text("date"),
        request_rate=settings.number(node, "request_rate"),
        max_concurrency=settings.count(node, "max_concurrency"),
        tokens_per_step=settings.number(node, "spec_decode_acceptance_length"),
        tokens_per_chunk=settings.count(node, *STREAM_INTERVAL),
        range_ratio=settings.ratio(node, "random_range_ratio"),
    )
    counting = COUNTING[age(node.members, setting.date)]
    drafted = drafts_of(partial(settings.ratio, node), node.get(_POSITIONS))
    return run_of(node, setting, requests(node, counting), place, drafted)


def drafts_of(
    number: Callable[[str], float | None], by_position: Node | str | None
) -> Drafts | None:
    """What the server's counters of speculative decoding grew by during the run: its rate is in
    per cent, the shares of the positions are not (``vllm/benchmarks/serve.py``, PR #31739)."""
    rate = number("spec_decode_acceptance_rate")
    return drafts(
        "spec_decode_acceptance_rate",
        steps=number("spec_decode_num_drafts"),
        drafted=number("spec_decode_draft_tokens"),
        accepted=number("spec_decode_accepted_tokens"),
        rate=None if rate is None else rate / 100,
        by_position=shares(by_position),
    )


def run_of(
    fields: Fields, setting: Setting, rows: Requests | None, place: str, drafted: Drafts | None
) -> Run:
    """The run that one result file of vLLM describes."""
    variant = age(fields.members, setting.date)
    counting = COUNTING[variant]
    output_tokens = fields.count("total_output_tokens")
    return Run(
        tool="vllm",
        variant=f"{'save-result' if rows is None else 'save-detailed'}, {variant}",
        place=place,
        definitions=definitions("vllm", variant),
        figures=figures_by_key(fields, _METRICS),
        totals=Totals(
            duration_s=fields.number("duration"),
            attempted=fields.count("num_prompts"),
            completed=fields.count("completed"),
            failed=fields.count("failed"),
            input_tokens=fields.count("total_input_tokens"),
            output_tokens={} if output_tokens is None else {counting: output_tokens},
            requests_per_s=fields.number("request_throughput"),
            output_tokens_per_s=fields.number("output_throughput"),
            total_tokens_per_s=fields.number("total_token_throughput"),
            peak_output_tokens_per_s=fields.number("max_output_tokens_per_s"),
        ),
        setting=setting,
        requests=rows,
        drafts=drafted,
        notes=tuple(filter(None, [NOTE.get(variant)])),
    )


def _is_sidecar(first: Node) -> bool:
    return first.kind == "list" and {"benchmark", "model", "metric"} <= _one(first).members.keys()


READERS = (
    JsonReader(
        "vLLM --save-result",
        lambda first: is_result(_one(first).members) or _is_sidecar(first),
        _read,
    ),
)
