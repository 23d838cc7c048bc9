"""``trtllm-bench throughput --streaming --report_json``.

NVIDIA/TensorRT-LLM 0249976 tensorrt_llm/bench/dataclasses/reporting.py get_statistics_dict, 3856265
statistics.py RequestRecord and PercentileStats (a percentile is the value at that place; a request
of one token enters the time per token as 0).
"""

from __future__ import annotations

import json
from typing import Any

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape


def percentiles(values: list[float], scale: float = 1.0) -> dict[str, float]:
    """PercentileStats."""
    at, n = sorted(values), len(values)
    places = {f"p{p}": at[int(n * p / 100)] for p in (50, 90, 95, 99)}
    ends = {"minimum": at[0], "maximum": at[-1], "average": sum(at) / n}
    return {key: value * scale for key, value in (places | ends).items()}


def report(served: Served) -> dict[str, Any]:
    """The whole file. Latencies end with the last token."""
    rows, asked = served.measured, served.scenario
    took = max(r.last for r in rows) - min(r.sent for r in rows)
    latency = [r.last - r.sent for r in rows]
    ttft = [r.first - r.sent for r in rows]
    tpot = [(r.last - r.first) / (r.decoded - 1) if r.decoded > 1 else 0.0 for r in rows]
    speed = [1 / value for value in tpot if value]
    output, prompt = sum(r.decoded for r in rows), sum(r.prompt for r in rows)
    n = len(rows)
    found: dict[str, Any] = {
        "engine": {
            "model": "some/model",
            "model_path": "None",
            "engine_dir": "None",
            "version": "1.2.0",
            "backend": "Pytorch",
            "dtype": "bfloat16",
            "kv_cache_dtype": None,
            "quantization": None,
        },
        "machine": None,
        "world_info": {
            "tp_size": 1,
            "pp_size": 1,
            "ep_size": 1,
            "world_size": 1,
            "max_batch_size": 256,
            "max_num_tokens": 8192,
            "scheduling_policy": "GUARANTEED_NO_EVICT",
            "kv_cache_percentage": 0.9,
            "issue_rate": n / max(0.001, *(r.sent for r in rows)),
        },
        "request_info": {
            "num_requests": n,
            "avg_num_concurrent_requests": sum(latency) / took,
            "avg_input_length": prompt / n,
            "avg_output_length": output / n,
        },
        "performance": {
            "total_latency_ms": 1e3 * took,
            "avg_request_latency_ms": 1e3 * sum(latency) / n,
            "request_throughput_req_s": n / took,
            "system_output_throughput_tok_s": output / took,
            "system_total_throughput_tok_s": (output + prompt) / took,
            "output_throughput_per_user_tok_s": sum(
                r.decoded / took_r for r, took_r in zip(rows, latency, strict=True)
            )
            / n,
            "output_throughput_per_gpu_tok_s": output / took,
            "request_latency_percentiles_ms": percentiles(latency, 1e3),
        },
        "streaming_metrics": {
            "token_output_speed_tok_s": sum(speed) / n,
            "avg_ttft_ms": 1e3 * sum(ttft) / n,
            "avg_tpot_ms": 1e3 * sum(tpot) / n,
            "tpot_percentiles": percentiles(tpot, 1e3),
            "ttft_percentiles": percentiles(ttft, 1e3),
            "gen_tps_percentiles": percentiles(speed),
        },
    }
    if asked.tokens_a_step > 1:
        steps = [r.steps + 1 for r in rows]
        accepted = [r.decoded - k for r, k in zip(rows, steps, strict=True)]
        found["decoding_stats"] = {
            "mode": "Eagle",
            "num_draft_tokens_percentiles": percentiles([7.0 * k for k in steps]),
            "num_accepted_draft_tokens_percentiles": percentiles([float(k) for k in accepted]),
            "draft_acceptance_rate_percentiles": percentiles(
                [a / (7 * k) for a, k in zip(accepted, steps, strict=True)]
            ),
            "acceptance_length_percentiles": percentiles(
                [r.decoded / k for r, k in zip(rows, steps, strict=True)]
            ),
        }
    found["dataset"] = {
        "isl": percentiles([float(r.prompt) for r in rows]),
        "osl": percentiles([float(r.asked) for r in rows]),
        "seq_len": percentiles([float(r.prompt + r.asked) for r in rows]),
        "num_requests": n,
    }
    return found


SHAPES = {
    "trtllm-bench": Shape(
        "report.json", lambda s: json.dumps(report(s), indent=4).encode(), Load.CLOSED
    )
}
