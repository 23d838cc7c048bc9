"""evalscope perf's ``benchmark_summary.json`` of 2026.

modelscope/evalscope 07dc32f evalscope/perf/utils/benchmark_util.py BenchmarkData.finalize,
MetricsAccumulator.to_result and BenchmarkMetrics.create_message (rounded to four decimals, times in
ms to two; the duration is from the first request to the last end; a ratio of more than one token a
chunk is written as that of speculation), perf_constants.py. At 0e8f967 the three times of a token
are named without the "Avg".
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Shape


def summary(served: Served) -> dict[str, Any]:
    """The whole file."""
    rows, asked = served.measured, served.scenario
    n = len(rows)
    took = max(r.done for r in rows) - min(r.sent for r in rows)
    latency = [r.done - r.sent for r in rows]
    ttft = [float(r.text_at[0] - r.sent) for r in rows]
    tokens = [r.decoded for r in rows]
    tpot = [
        (whole - first) / (k - 1) if k > 1 else 0.0
        for whole, first, k in zip(latency, ttft, tokens, strict=True)
    ]
    gaps = np.concatenate([np.diff(r.text_at) for r in rows])
    ratios = [
        (k - 1) / (len(r.text_at) - 1)
        for r, k in zip(rows, tokens, strict=True)
        if len(r.text_at) > 1
    ]
    several = [ratio for ratio in ratios if ratio > 1]
    output, prompt = sum(tokens), sum(r.prompt for r in rows)
    given = {
        "Test Duration (s)": round(took, 4),
        "Concurrency": asked.concurrency or n,
        "Request Rate (req/s)": asked.rate if math.isfinite(asked.rate) else -1,
        "Total Requests": n,
        "Success Requests": n,
        "Failed Requests": 0,
        "Stream Requests": n,
        "Non-Stream Requests": 0,
        "Req Throughput (req/s)": round(n / took, 4),
        "Avg Latency (s)": round(sum(latency) / n, 4),
        "Avg Input Tokens": round(prompt / n, 4),
        "Output Throughput (tok/s)": round(output / took, 4),
        "Total Throughput (tok/s)": round((output + prompt) / took, 4),
        "Avg TTFT (ms)": round(1e3 * sum(ttft) / n, 2),
        "Avg TPOT (ms)": round(1e3 * sum(tpot) / n, 2),
        "Avg ITL (ms)": round(1e3 * float(gaps.mean()) if gaps.size else 0.0, 2),
        "Avg Output Tokens": round(output / n, 4),
    }
    if several:
        length = sum(several) / len(several)
        given["Avg Decoded Tok/Iter"] = round(length, 4)
        given["Approx Spec. Accept Rate"] = round(1 - 1 / length, 4)
    return given


def earlier(served: Served) -> dict[str, Any]:
    """With the names of 0e8f967."""
    short = ("TTFT (ms)", "TPOT (ms)", "ITL (ms)", "Decoded Tok/Iter")
    names = {f"Avg {name}": name for name in short}
    names["Approx Spec. Accept Rate"] = "Spec. Accept Rate"
    return {names.get(key, key): value for key, value in summary(served).items()}


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, indent=4).encode()


SHAPES = {
    "evalscope": Shape("benchmark_summary.json", lambda s: _json(summary(s))),
    "evalscope-0e8f967": Shape("benchmark_summary.json", lambda s: _json(earlier(s))),
}
