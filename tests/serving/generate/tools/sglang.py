"""SGLang's ``bench_serving --output-file``, with and without ``--output-details``, and its table.

Formulas, keys and their order: sgl-project/sglang 00f9ec4 python/sglang/benchmark/serving.py
calculate_metrics, benchmark, async_request_sglang_generate (native: a message's gap is divided by
its tokens, once for each) and async_request_openai_completions (a gap a message). The latency ends
with ``[DONE]`` in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.serving.generate.figures import dumped, summary, text
from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Shape

PERCENTILES = (90, 95, 99)


@dataclass(frozen=True)
class Output:
    """What the client keeps of a request."""

    request: Request
    output_len: int
    ttft: float
    itl: list[float]
    latency: float


def seen(served: Served, backend: str) -> list[Output]:
    """By its three ways: natively, over the OpenAI API, or by the length asked for (``trt``)."""
    outputs = []
    for request in served.measured:
        some = request.shown > 0
        at, tokens = request.at[some], request.tokens[some]
        gaps = np.diff(at)
        if backend == "sglang":
            gaps = np.repeat(gaps / tokens[1:], tokens[1:])
        count = request.asked if backend == "trt" else request.decoded
        ttft = float(at[0] - request.sent) if at.size else 0.0
        outputs.append(Output(request, count, ttft, gaps.tolist(), request.done - request.sent))
    return outputs


def line(served: Served, *, backend: str, details: bool) -> dict[str, Any]:
    """The JSON object of a run."""
    outputs, took, asked = seen(served, backend), served.duration, served.scenario
    total_input = sum(o.request.prompt for o in outputs)
    total_output = sum(o.output_len for o in outputs)
    values = {
        "e2e_latency": [o.latency for o in outputs],
        "ttft": [o.ttft for o in outputs],
        "tpot": [(o.latency - o.ttft) / (o.output_len - 1) for o in outputs if o.output_len > 1],
        "itl": [gap for o in outputs for gap in o.itl],
    }
    drawn = asked.lengths != "log-normal"
    fixed = asked.lengths == "fixed" and len(set(asked.prompts.tolist())) == 1
    several = asked.tokens_a_step > 1 and backend == "sglang" and not served.fault("untold")
    steps = sum(o.request.steps for o in outputs)
    scale = 1.0 if served.fault("seconds-for-ms") else 1e3
    found = {key: summary(some, PERCENTILES, scale) for key, some in values.items()}
    statistics = ("mean", "median", "std", "p90", "p95", "p99")
    given: dict[str, Any] = {
        "tag": None,
        "backend": backend,
        "dataset_name": "random" if drawn else "sharegpt",
        "request_rate": asked.rate,
        "max_concurrency": asked.concurrency,
        "sharegpt_output_len": None,
        "random_input_len": int(asked.prompts.max()) if drawn else 1024,
        "random_output_len": max(r.asked for r in served.measured) if drawn else 1024,
        "random_range_ratio": 1.0 if fixed else 0.5 if drawn else 0.0,
        "server_info": {"model_path": "some/model", "tokenizer_path": "some/model"},
        "duration": took,
        "completed": len(outputs),
        "total_input_tokens": total_input,
        "total_input_text_tokens": total_input,
        "total_input_vision_tokens": 0,
        "total_output_tokens": total_output,
        "total_output_tokens_retokenized": sum(o.request.visible for o in outputs),
        "request_throughput": len(outputs) / took,
        "input_throughput": total_input / took,
        "output_throughput": total_output / took * (1e9 if served.fault("absurd-rate") else 1),
        "total_throughput": (total_input + total_output) / took,
        **{
            f"{statistic}_{metric}_ms": found[metric][statistic]
            for metric in values
            for statistic in statistics
        },
        "concurrency": sum(values["e2e_latency"]) / took,
        "accept_length": 1 + (sum(o.output_len - 1 for o in outputs) - steps) / steps
        if several
        else None,
        **_peaks(outputs),
        **_cache(served),
    }
    lists = {
        "input_lens": [o.request.prompt for o in outputs],
        "output_lens": [o.output_len for o in outputs],
        "ttfts": values["ttft"],
        "itls": [o.itl for o in outputs],
        "generated_texts": [text(o.request.visible, i) for i, o in enumerate(outputs)],
        "errors": [""] * len(outputs),
    }
    return given | (lists if details else {})


def table(served: Served, backend: str) -> bytes:
    """What the client prints."""
    found = line(served, backend=backend, details=False)
    rate = found["request_rate"]
    rows: list[tuple[str, Any]] = [
        ("Backend:", backend),
        ("Traffic request rate:", "inf" if math.isinf(rate) else rate),
        ("Max request concurrency:", found["max_concurrency"] or "not set"),
        ("Successful requests:", found["completed"]),
        ("Benchmark duration (s):", f"{found['duration']:.2f}"),
        ("Total input tokens:", found["total_input_tokens"]),
        ("Total input text tokens:", found["total_input_tokens"]),
        ("Total generated tokens:", found["total_output_tokens"]),
        ("Total generated tokens (retokenized):", found["total_output_tokens_retokenized"]),
        ("Request throughput (req/s):", f"{found['request_throughput']:.2f}"),
        ("Input token throughput (tok/s):", f"{found['input_throughput']:.2f}"),
        ("Output token throughput (tok/s):", f"{found['output_throughput']:.2f}"),
        ("Peak output token throughput (tok/s):", f"{found['max_output_tokens_per_s']:.2f}"),
        ("Peak concurrent requests:", found["max_concurrent_requests"]),
        ("Total token throughput (tok/s):", f"{found['total_throughput']:.2f}"),
        ("Concurrency:", f"{found['concurrency']:.2f}"),
    ]
    if found["accept_length"]:
        rows.append(("Accept length:", f"{found['accept_length']:.2f}"))
    titles = {
        "e2e_latency": ("E2E Latency", "End-to-End Latency"),
        "ttft": ("TTFT", "Time to First Token"),
        "tpot": ("TPOT", "Time per Output Token (excl. 1st token)"),
        "itl": ("ITL", "Inter-Token Latency"),
    }
    lines = [f"{' Serving Benchmark Result ':=^50}", *(f"{k:<40} {v!s:<10}" for k, v in rows)]
    for metric, (short, title) in titles.items():
        lines.append(f"{title:-^50}")
        for statistic in ("mean", "median", "p90", "p95", "p99"):
            value = found[f"{statistic}_{metric}_ms"]
            lines.append(f"{f'{statistic.capitalize()} {short} (ms):':<40} {value:<10.2f}")
    return "\n".join([*lines, "=" * 50, ""]).encode()


def _peaks(outputs: list[Output]) -> dict[str, Any]:
    """Messages in the best second, and requests that touch a second."""
    began = min(o.request.sent for o in outputs)
    at = [o.request.sent + o.ttft + np.cumsum([0.0, *o.itl]) - began for o in outputs]
    seconds = np.concatenate(
        [
            np.arange(int(o.request.sent - began), int(o.request.sent + o.latency - began) + 1)
            for o in outputs
        ]
    )
    return {
        "max_output_tokens_per_s": float(np.bincount(np.concatenate(at).astype(np.int64)).max()),
        "max_concurrent_requests": int(np.bincount(seconds).max()),
    }


def _cache(served: Served) -> dict[str, Any]:
    """With --cache-report."""
    prompts = sum(r.prompt for r in served.measured)
    cached = sum(r.cached for r in served.measured)
    if not cached:
        return {}
    return {
        "cache_report": {
            "total_prompt_tokens": prompts,
            "total_cached_tokens": cached,
            "cache_hit_rate_pct": round(100 * cached / prompts, 2),
            "device_cached_tokens": None,
            "host_cached_tokens": None,
            "storage_cached_tokens": None,
            "storage_backend": None,
        }
    }


def _jsonl(backend: str, details: bool) -> Shape:
    def write(served: Served) -> bytes:
        return dumped(line(served, backend=backend, details=details))

    return Shape("sglang.jsonl", write)


SHAPES = {
    "sglang": _jsonl("sglang", False),
    "sglang-details": _jsonl("sglang", True),
    "sglang-oai": _jsonl("sglang-oai", False),
    "sglang-oai-details": _jsonl("sglang-oai", True),
    "sglang-trt": _jsonl("trt", False),
    "sglang-trt-details": _jsonl("trt", True),
    "sglang-table": Shape("sglang.txt", lambda served: table(served, "sglang")),
}
