"""kubernetes-sigs inference-perf: a stage's lifecycle report, and the report of each request.

010d12f inference_perf/reportgen/base.py summarize_requests, compute_request_latency_metrics,
correct_streamed_response_metrics (the tokens of a message have its time; a message without text has
none) and build_per_request_lifecycle_entry. Times are in seconds. The age before PR #410, which
divides by messages: the same file before it, and apis/completion.py process_response, which stamps
every line of the stream that is not blank.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.serving.generate.figures import dumped, summary, text
from tests.serving.generate.served import Array, Request, Served
from tests.serving.generate.shape import Shape

CLOCK = 353_399.725848632
PERCENTILES = (0.1, 1, 5, 10, 25, 75, 90, 95, 99, 99.9)


def numbers(values: Any) -> dict[str, Any] | None:
    """summarize()."""
    values = list(values)
    if not values:
        return None
    found = summary(values, PERCENTILES)
    del found["std"]
    return found


def stamps(request: Request) -> Array:
    """``output_token_times``: of each token that the text is tokenised to."""
    return np.repeat(request.at, request.shown)


def latencies(request: Request) -> dict[str, Any]:
    """Of one request."""
    at, took, n = stamps(request), request.done - request.sent, request.visible
    several = at.size > 1
    gaps = np.diff(at).tolist()
    return {
        "request_latency": took,
        "normalized_time_per_output_token": took / n if n else 0.0,
        "time_to_first_token": float(at[0] - request.sent) if several else None,
        "time_per_output_token": float(at[-1] - at[0]) / (n - 1) if several and n > 1 else None,
        "inter_token_latency": float(np.mean(gaps)) if gaps else None,
        "inter_token_latencies": gaps,
    }


def report(served: Served) -> dict[str, Any]:
    """``stage_0_lifecycle_metrics.json``."""
    asked, rows = served.scenario, served.measured
    each = [latencies(r) for r in rows]
    began = min(r.sent for r in rows)
    took = max(r.done for r in rows) - began
    spread = max(r.sent for r in rows) - began
    open_loop = math.isfinite(asked.rate)
    cached = float(sum(r.cached for r in rows))
    output, prompt = sum(r.visible for r in rows), sum(r.prompt for r in rows)
    load: dict[str, Any] = {
        "count": len(rows),
        "schedule_delay": numbers([1e-4] * len(rows)),
        "send_duration": spread,
        # with a concurrency, main.py puts the number of requests here
        "requested_rate": asked.rate if open_loop else float(len(rows)),
        "achieved_rate": len(rows) / spread if spread else 0.0,
    }
    if not open_loop:
        load["concurrency"] = asked.concurrency or len(rows)

    def over(key: str) -> dict[str, Any] | None:
        return numbers(v for found in each if (v := found[key]) is not None)

    counted = numbers(r.decoded for r in rows) or {}
    prompts = {"total": float(prompt), "cached": cached, "uncached": prompt - cached}
    return {
        "benchmark_time_seconds": took,
        "load_summary": load,
        "successes": {
            "count": len(rows),
            "latency": {
                "request_latency": over("request_latency"),
                "normalized_time_per_output_token": over("normalized_time_per_output_token"),
                "time_per_output_token": over("time_per_output_token"),
                "time_to_first_token": over("time_to_first_token"),
                "inter_token_latency": numbers(
                    gap for found in each for gap in found["inter_token_latencies"]
                ),
            },
            "throughput": {
                "input_tokens_per_sec": prompt / took,
                "output_tokens_per_sec": output / took,
                "total_tokens_per_sec": (prompt + output) / took,
                "requests_per_sec": len(rows) / took,
            },
            "prompt_tokens": prompts | (numbers(r.prompt for r in rows) or {}),
            "output_len": numbers(r.visible for r in rows),
            "output_tokens": {"total": float(sum(r.decoded for r in rows)), **counted},
            "token_count_mismatches": sum(r.visible != r.decoded for r in rows),
        },
        "failures": {"count": 0, "request_latency": None, "by_label": {}},
    }


def messages_report(served: Served) -> dict[str, Any]:
    """The same before PR #410: what it calls tokens is timestamps of messages."""
    given = report(served)
    each = [np.concatenate([r.at, [r.done]]) for r in served.measured]
    sent = [r.sent for r in served.measured]
    found = given["successes"]
    found["latency"] |= {
        "time_to_first_token": numbers(at[0] - s for at, s in zip(each, sent, strict=True)),
        "time_per_output_token": numbers((at[-1] - at[0]) / (len(at) - 1) for at in each),
        "inter_token_latency": numbers(np.concatenate([np.diff(at) for at in each])),
    }
    found["prompt_len"] = numbers(r.prompt for r in served.measured)
    for late in ("output_tokens", "prompt_tokens", "token_count_mismatches"):
        del found[late]
    del given["benchmark_time_seconds"]
    return given


def per_request(served: Served) -> list[dict[str, Any]]:
    """``per_request_lifecycle_metrics.json``."""
    return [
        {
            "start_time": CLOCK + r.sent,
            "end_time": CLOCK + r.done,
            "request": "{}",
            "response": text(r.visible, i),
            "info": {
                "request_metrics": {"text": {"input_tokens": r.prompt}},
                "response_metrics": {
                    "output_tokens": r.visible,
                    "server_usage": {"prompt_tokens": r.prompt, "completion_tokens": r.decoded},
                    "chunk_times": (CLOCK + r.at).tolist(),
                    "output_token_times": (CLOCK + stamps(r)).tolist(),
                },
            },
            "error": None,
        }
        for i, r in enumerate(served.measured)
    ]


SHAPES = {
    "inference-perf": Shape("stage_0_lifecycle_metrics.json", lambda s: dumped(report(s))),
    "inference-perf-messages": Shape(
        "stage_0_lifecycle_metrics.json", lambda s: dumped(messages_report(s))
    ),
    "inference-perf-requests": Shape(
        "per_request_lifecycle_metrics.json", lambda s: dumped(per_request(s))
    ),
}
