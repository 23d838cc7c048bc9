"""NVIDIA AIPerf: its summary and its records, a line a request.

Formulas: ai-dynamo/aiperf 58028d5 src/aiperf/metrics/types and docs/metrics-reference.md: a message
without text is no response with content, the text is tokenised again, the duration is from the
first request to the last response. Forms: docs/tutorials/working-with-profile-exports.md and
docs/reference/json-export-schema.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.serving.generate.figures import dumped, summary
from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Shape

EPOCH_NS = 1_786_678_148_250_000_000
PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)


def metrics(request: Request, servers: bool = False) -> dict[str, tuple[Any, str]]:
    """Of one request: value and unit. Tokens are the server's with --use-server-token-count."""
    at, n = request.text_at, request.decoded if servers else request.visible
    ttft, latency = 1e3 * (at[0] - request.sent), 1e3 * (at[-1] - request.sent)
    found: dict[str, tuple[Any, str]] = {
        "input_sequence_length": (request.prompt, "tokens"),
        "time_to_first_token": (ttft, "ms"),
        "request_latency": (latency, "ms"),
        "output_token_count": (n, "tokens"),
        "output_sequence_length": (n, "tokens"),
        "usage_completion_tokens": (request.decoded, "tokens"),
    }
    if at.size > 1:
        found["time_to_second_token"] = (1e3 * (at[1] - at[0]), "ms")
        found["inter_chunk_latency"] = ((1e3 * np.diff(at)).tolist(), "ms")
    if n > 1:
        itl = (latency - ttft) / (n - 1)
        found["inter_token_latency"] = (itl, "ms")
        found["output_token_throughput_per_user"] = (1e3 / itl, "tokens/sec/user")
    return found


def record(request: Request, number: int) -> dict[str, Any]:
    """A line of ``profile_export.jsonl``."""
    return {
        "metadata": {
            "session_num": number,
            "x_request_id": f"{number:08x}",
            "conversation_id": f"session_{number:06d}",
            "turn_index": 0,
            "request_start_ns": EPOCH_NS + round(request.sent * 1e9),
            "request_ack_ns": EPOCH_NS + round(request.began * 1e9),
            "request_end_ns": EPOCH_NS + round(request.done * 1e9),
            "worker_id": "worker_359d423a",
            "record_processor_id": "record_processor_1fa47cd7",
            "benchmark_phase": request.phase,
            "was_cancelled": False,
            "cancellation_time_ns": None,
        },
        "metrics": {
            name: {"value": value, "unit": unit} for name, (value, unit) in metrics(request).items()
        },
        "error": None,
    }


def table(unit: str, values: list[float]) -> dict[str, Any]:
    """A metric's statistics."""
    found = summary(values, PERCENTILES)
    rest = {key: found[key] for key in ("min", "max", "std")}
    return {
        "unit": unit,
        "avg": found["mean"],
        **{f"p{p}": found[f"p{p}"] for p in PERCENTILES},
    } | rest


def export(served: Served, servers: bool) -> dict[str, Any]:
    """``profile_export_aiperf.json``."""
    asked, rows = served.scenario, [r for r in served.measured if r.text_at.size]
    each = [metrics(request, servers) for request in rows]
    took = max(r.done for r in rows) - min(r.sent for r in rows)
    names = {name: unit for found in each for name, (_, unit) in found.items()}
    tables = {}
    for name, unit in names.items():
        values = [found[name][0] for found in each if name in found]
        flat = [x for v in values for x in v] if name == "inter_chunk_latency" else values
        tables[name] = table(unit, flat)
    osl = sum(r.decoded if servers else r.visible for r in rows)
    isl = sum(r.prompt for r in rows)

    def single(unit: str, value: float) -> dict[str, Any]:
        return {"unit": unit, "avg": value}

    fixed = asked.lengths == "fixed"
    loadgen = {
        "concurrency": asked.concurrency,
        "request_rate": None if math.isinf(asked.rate) else asked.rate,
        "request_count": len(served.requests),
    }
    lengths = {"input_tokens": {"mean": round(float(asked.prompts.mean())), "stddev": 0}}
    if fixed:
        lengths["output_tokens"] = {"mean": rows[0].asked, "stddev": 0}
    return {
        "schema_version": "1.3",
        "aiperf_version": "0.5.0",
        **tables,
        "request_count": single("requests", float(len(rows))),
        "error_request_count": single("requests", 0.0),
        "benchmark_duration": single("sec", took),
        "request_throughput": single("requests/sec", len(rows) / took),
        "output_token_throughput": single("tokens/sec", osl / took),
        "total_token_throughput": single("tokens/sec", (osl + isl) / took),
        "total_osl": single("tokens", float(osl)),
        "total_isl": single("tokens", float(isl)),
        "total_usage_completion_tokens": single("tokens", float(sum(r.decoded for r in rows))),
        "input_config": {
            "endpoint": {
                "model_names": ["some/model"],
                "type": "chat",
                "streaming": True,
                "use_server_token_count": servers,
            },
            "tokenizer": {"name": "some/model"},
            "loadgen": loadgen,
            "input": {"prompt": lengths, "extra": {"ignore_eos": True} if fixed else {}},
        },
        "was_cancelled": False,
        "error_summary": [],
        "start_time": "2026-06-17T16:08:57.327203",
        "end_time": "2026-06-17T16:18:57.327203",
    }


def records(served: Served) -> bytes:
    """``profile_export.jsonl``, in the order of completion."""
    order = sorted(range(len(served.requests)), key=lambda i: served.requests[i].done)
    return dumped(*(record(served.requests[i], i) for i in order))


SHAPES = {
    "aiperf": Shape("profile_export_aiperf.json", lambda s: dumped(export(s, False))),
    "aiperf-server": Shape("profile_export_aiperf.json", lambda s: dumped(export(s, True))),
    "aiperf-records": Shape("profile_export.jsonl", records),
}
