"""Ray's llmperf: the summary and the individual responses of token_benchmark_ray.py.

ray-project/llmperf 004d3af token_benchmark_ray.py get_token_throughput_latencies and
metrics_summary (quantiles and the standard deviation of a sample as pandas has them), 0451d33
src/llmperf/ray_clients/openai_chat_completions_client.py (the list of gaps begins with the time to
the first token; a message without text is passed over), src/llmperf/utils.py LLMPerfResults.
Times are in seconds.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Load, Shape

QUANTILES = (25, 50, 75, 90, 95, 99)


def response(request: Request) -> dict[str, Any]:
    """Of one request."""
    at, n, took = request.text_at, request.visible, request.done - request.sent
    return {
        "error_code": None,
        "error_msg": "",
        "inter_token_latency_s": float(at[-1] - request.sent) / n if n else 0,
        "ttft_s": float(at[0] - request.sent) if at.size else 0,
        "end_to_end_latency_s": took,
        "request_output_throughput_token_per_s": n / took,
        "number_total_tokens": request.prompt + n,
        "number_output_tokens": n,
        "number_input_tokens": request.prompt,
    }


def summary(served: Served) -> dict[str, Any]:
    """``*_summary.json``: the metadata and, behind ``results_``, the metrics, one name a value."""
    rows = [response(request) for request in served.measured]
    asked, took = served.scenario, served.duration
    flat: dict[str, Any] = {}
    for key in (
        "inter_token_latency_s",
        "ttft_s",
        "end_to_end_latency_s",
        "request_output_throughput_token_per_s",
        "number_input_tokens",
        "number_output_tokens",
    ):
        values = [row[key] for row in rows]
        for q in QUANTILES:
            flat[f"results_{key}_quantiles_p{q}"] = float(np.percentile(values, q))
        flat[f"results_{key}_mean"] = float(np.mean(values))
        flat[f"results_{key}_min"] = min(values)
        flat[f"results_{key}_max"] = max(values)
        flat[f"results_{key}_stddev"] = float(np.std(values, ddof=1))
    tokens = sum(row["number_output_tokens"] for row in rows)
    outputs = [r.asked for r in served.measured]
    return {
        "version": "2023-08-31",
        "name": "some-model_summary",
        "model": "some/model",
        "mean_input_tokens": round(float(asked.prompts.mean())),
        "stddev_input_tokens": round(float(asked.prompts.std())),
        "mean_output_tokens": round(float(np.mean(outputs))),
        "stddev_output_tokens": round(float(np.std(outputs))),
        "num_concurrent_requests": asked.concurrency,
        **flat,
        "results_num_requests_started": len(rows),
        "results_error_rate": 0.0,
        "results_number_errors": 0,
        "results_error_code_frequency": "{}",
        "results_mean_output_throughput_token_per_s": tokens / took,
        "results_num_completed_requests": len(rows),
        "results_num_completed_requests_per_min": 60 * len(rows) / took,
        "timestamp": 1_700_000_000,
    }


SHAPES = {
    "llmperf": Shape(
        "summary.json", lambda s: json.dumps(summary(s), indent=4).encode(), Load.CLOSED
    ),
    "llmperf-responses": Shape(
        "individual_responses.json",
        lambda s: json.dumps([response(r) for r in s.measured], indent=4).encode(),
        Load.CLOSED,
    ),
}
