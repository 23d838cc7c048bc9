"""Hugging Face inference-benchmarker's report.

huggingface/inference-benchmarker src/results.rs BenchmarkResults, src/requests.rs
TextGenerationAggregatedResponse (each message tokenised by itself, one without text passed over;
the gaps after the first over tokens - 1), src/writers.rs (whole microseconds, in ms). The result
before the measured one is its warm-up: one request after another.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from tests.serving.generate.figures import dumped
from tests.serving.generate.served import Served
from tests.serving.generate.shape import Shape


def percentiles(seconds: list[float]) -> dict[str, float]:
    """In ms, of whole microseconds."""
    places = {f"p{p}": float(np.percentile(seconds, p)) for p in (50, 60, 70, 80, 90, 95, 99)}
    found = {**places, "avg": float(np.mean(seconds))}
    return {key: int(value * 1e6) / 1e3 for key, value in found.items()}


def result(served: Served) -> dict[str, Any]:
    """BenchmarkResultsWriter. The first and the last response are those of the list, which is in
    the order of their ends."""
    asked = served.scenario
    rows = sorted((r for r in served.measured if r.text_at.size), key=lambda r: r.done)
    took = rows[-1].done - rows[0].sent
    tokens = sum(r.visible for r in rows)
    itl = [
        float(r.text_at[-1] - r.text_at[0]) / (r.visible - 1) if r.text_at.size > 1 else 0.0
        for r in rows
    ]
    constant = math.isfinite(asked.rate)
    return {
        "id": f"constant@{asked.rate:.2f}req/s" if constant else "throughput",
        "executor_type": "ConstantArrivalRate" if constant else "ConstantVUs",
        "config": {
            "max_vus": asked.concurrency or 128,
            "duration": {"secs": 120, "nanos": 0},
            "rate": asked.rate if constant else None,
        },
        "total_requests": len(rows),
        "total_tokens": tokens,
        "token_throughput_secs": tokens / took,
        "duration_ms": int(took * 1e3),
        "time_to_first_token_ms": percentiles([float(r.text_at[0] - r.sent) for r in rows]),
        "inter_token_latency_ms": percentiles(itl),
        "failed_requests": 0,
        "successful_requests": len(rows),
        "request_rate": len(rows) / took,
        "total_tokens_sent": sum(r.prompt for r in rows),
        "e2e_latency_ms": percentiles([r.done - r.sent for r in rows]),
    }


def report(served: Served) -> dict[str, Any]:
    """BenchmarkReportWriter."""
    asked = [r.asked for r in served.measured]
    prompts = [r.prompt for r in served.measured]

    one = served.measured[0]
    warmup = result(replace(served, requests=(one,), duration=one.done)) | {"id": "warmup"}

    def options(lengths: list[int]) -> dict[str, Any]:
        return {
            "num_tokens": round(float(np.mean(lengths))),
            "min_tokens": min(lengths),
            "max_tokens": max(lengths),
            "variance": round(float(np.var(lengths))),
        }

    return {
        "config": {
            "max_vus": 128,
            "duration": {"secs": 120, "nanos": 0},
            "model_name": "some/model",
            "tokenizer": "some/model",
            "prompt_options": options(prompts),
            "decode_options": options(asked),
        },
        "results": [warmup, result(served)],
        "start_time": "2026-01-01T00:00:00+00:00",
        "end_time": "2026-01-01T00:02:00+00:00",
        "system": {"cpu": [], "memory": "64.00 GB", "os_name": "Linux"},
    }


SHAPES = {
    "inference-benchmarker": Shape("results.json", lambda served: dumped(report(served))),
}
