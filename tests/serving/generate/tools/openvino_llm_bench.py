"""The JSON of OpenVINO GenAI's llm_bench.

openvinotoolkit/openvino.genai 037b4ca tools/llm_bench/llm_bench_utils/output_json.py write_result
(the first iteration is the warm-up and in no average), 04d92b2 metrics_print.py print_metrics (the
first step, the mean of the others), 0013dc7 task/text_generation.py. Times are in ms, but for the
whole one.
"""

from __future__ import annotations

import json
from typing import Any

from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Load, Shape

SLOW = 3.0
"""The warm-up's first step, against the others."""


def iteration(request: Request, number: int) -> dict[str, Any]:
    """One of ``results``."""
    first = (request.first - request.began) * (SLOW if number == 0 else 1)
    rest = request.last - request.first
    return {
        "iteration": number,
        "input_size": request.prompt,
        "infer_count": request.decoded,
        "output_size": request.decoded,
        "generation_time": round(first + rest, 5),
        "latency": round(1e3 * (first + rest) / request.decoded, 5),
        "first_latency": round(1e3 * first, 5),
        "second_avg_latency": round(1e3 * rest / request.steps, 5),
        "first_infer_latency": round(1e3 * first - 0.01, 5),
        "second_infer_avg_latency": round(1e3 * rest / request.steps - 0.01, 5),
        "tokenization_time": 0.52,
        "detokenization_time": 0.31,
        "prompt_idx": 0,
        "result_md5": ["0" * 32],
        "start": "2026-09-01T00:00:00",
        "end": "2026-09-01T00:00:10",
        "second_token_throughput": round(request.steps / rest, 5),
    }


def report(served: Served) -> dict[str, Any]:
    """The whole file."""
    results = [iteration(request, i) for i, request in enumerate(served.requests)]
    keys = ("generation_time", "latency", "first_latency", "second_avg_latency")
    later = results[1:]
    return {
        "metadata": {
            "model": "some-model",
            "framework": "ov",
            "device": "GPU",
            "precision": "INT4",
            "num_beams": 1,
            "batch_size": 1,
        },
        "perfdata": {
            "compile_time": 5.5,
            "results": results,
            "results_averaged": {
                key: round(sum(row[key] for row in later) / len(later), 5) for key in keys
            },
        },
    }


SHAPES = {
    "openvino-llm-bench": Shape(
        "report.json", lambda s: json.dumps(report(s), indent=4).encode(), Load.ALONE
    )
}
