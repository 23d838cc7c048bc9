"""InferenceX's ``agg_*.json``: a result of a copy of vLLM's client, in seconds and a card.

SemiAnalysisAI/InferenceX 00e51cc utils/process_result.py (every key that ends in "ms" is divided by
1000 and loses its unit), utils/bench_serving/benchmark_serving.py calculate_metrics.
"""

from __future__ import annotations

import json
from typing import Any

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape
from tests.serving.generate.tools.vllm import result

CARDS = 4


def aggregated(served: Served) -> dict[str, Any]:
    """The object; throughputs are divided by the tensor-parallel cards."""
    given = result(served, old=False, detailed=False, e2el=True)
    found = {
        "hw": "b200",
        "tp": CARDS,
        "ep": 1,
        "dp_attention": "false",
        "conc": given["max_concurrency"],
        "model": given["model_id"],
        "framework": "vllm",
        "precision": "fp8",
        "tput_per_gpu": given["total_token_throughput"] / CARDS,
        "output_tput_per_gpu": given["output_throughput"] / CARDS,
    }
    for key, value in given.items():
        if key.endswith("ms"):
            found[key.replace("_ms", "")] = value / 1000
        if "tpot" in key:
            name = key.replace("_ms", "").replace("tpot", "intvty")
            found[name] = 1000 / value if value else 0.0
    return found


SHAPES = {
    "inferencex": Shape(
        "agg_result.json", lambda s: json.dumps(aggregated(s), indent=2).encode(), Load.CLOSED
    )
}
