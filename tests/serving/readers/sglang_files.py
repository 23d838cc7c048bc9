"""Lines as SGLang's bench_serving writes them."""

import json
from typing import Any


def line(**more: Any) -> dict[str, Any]:
    names = ("mean", "median", "std", "p90", "p95", "p99")
    metrics = {"e2e_latency": 900.0, "ttft": 120.0, "tpot": 30.5, "itl": 30.1}
    return {
        "tag": None,
        "backend": "sglang",
        "dataset_name": "random",
        "request_rate": float("inf"),
        "max_concurrency": 4,
        "sharegpt_output_len": None,
        "random_input_len": 1024,
        "random_output_len": 128,
        "random_range_ratio": 1.0,
        "server_info": {"model_path": "Qwen/QwQ-32B", "tokenizer_path": "Q", "quantization": "fp8"},
        "duration": 2.5,
        "completed": 2,
        "total_input_tokens": 2048,
        "total_input_text_tokens": 2048,
        "total_input_vision_tokens": 0,
        "total_output_tokens": 7,
        "total_output_tokens_retokenized": 5,
        "request_throughput": 0.8,
        "input_throughput": 819.2,
        "output_throughput": 2.8,
        "total_throughput": 822.0,
        **{f"{s}_{m}_ms": v for m, v in metrics.items() for s in names},
        "concurrency": 1.5,
        "accept_length": None,
        "max_output_tokens_per_s": 5.0,
        "max_concurrent_requests": 2,
        **more,
    }


def details(**more: Any) -> dict[str, Any]:
    """Four tokens, three tokens, failed; a gap for each token after the first."""
    return {
        "input_lens": [1024, 1024, 1024],
        "output_lens": [4, 3, 0],
        "ttfts": [0.25, 0.5, 0.0],
        "itls": [[0.03, 0.031, 0.029], [0.04, 0.041], []],
        "generated_texts": ["a b c", "d", ""],
        "errors": ["", "", "Traceback: gone"],
        **more,
    }


def dumped(*lines: dict[str, Any]) -> bytes:
    return "".join(f"{json.dumps(value)}\n" for value in lines).encode()


SEEDS = {
    "line": dumped(line()),
    "details": dumped(line(**details())),
    "lines": dumped(line(), line(backend="sglang-oai", accept_length=2.5, **details())),
    "trace": dumped(line(backend="vllm", request_rate="trace", server_info=None)),
    "requested": dumped(line(backend="trt", mean_e2e_latency_ms=float("nan"))),
}
