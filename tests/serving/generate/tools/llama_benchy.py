"""llama-benchy's JSON, of one user.

eugr/llama-benchy 2e3e74d src/llama_benchy/results.py _process_batch: speeds are (tokens - 1) over
the time from the first message with text to the end of the stream, prompt tokens over the time to
the first message less the measured latency of the server; schemas/benchmark_report_schema.json.
Times are in ms. With one user the speeds of the run and of its request are the same.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape

LATENCY_S = 0.0012


def metric(values: list[float]) -> dict[str, Any]:
    """A mean, the standard deviation, and what they are of."""
    return {"mean": float(np.mean(values)), "std": float(np.std(values)), "values": values}


def report(served: Served) -> dict[str, Any]:
    """The whole file: one test."""
    rows = served.measured
    first = [float(r.text_at[0] - r.sent) for r in rows]
    speeds = [(r.decoded - 1) / (r.done - t - r.sent) for r, t in zip(rows, first, strict=True)]
    prompts = [r.prompt / max(1e-6, t - LATENCY_S) for r, t in zip(rows, first, strict=True)]
    peaks = [float(np.bincount((r.at - r.sent).astype(np.int64)).max()) for r in rows]
    test = {
        "concurrency": 1,
        "context_size": 0,
        "prompt_size": rows[0].prompt,
        "response_size": rows[0].asked,
        "is_context_prefill_phase": False,
        "pp_throughput": metric(prompts),
        "pp_req_throughput": metric(prompts),
        "tg_throughput": metric(speeds),
        "tg_req_throughput": metric(speeds),
        "peak_throughput": metric(peaks),
        "peak_req_throughput": metric(peaks),
        "ttfr": metric([1e3 * t for t in first]),
        "est_ppt": metric([1e3 * (t - LATENCY_S) for t in first]),
        "e2e_ttft": metric([1e3 * t for t in first]),
    }
    return {
        "version": "0.3.5",
        "timestamp": "2026-08-18 00:00:00Z",
        "latency_mode": "api",
        "latency_ms": 1e3 * LATENCY_S,
        "model": "some/model",
        "prefix_caching_enabled": False,
        "max_concurrency": 1,
        "benchmarks": [test],
    }


SHAPES = {
    "llama-benchy": Shape(
        "benchy.json", lambda s: json.dumps(report(s), indent=2).encode(), Load.ALONE
    )
}
