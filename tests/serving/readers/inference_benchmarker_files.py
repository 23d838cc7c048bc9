"""A small report with inference-benchmarker's keys: src/writers.rs."""

from tests.serving.readers.files import dumped


def benchmarker_report():
    times = {"p50": 30.5, "p60": 31.0, "p99": 45.25, "avg": 32.0}
    result = {
        "id": "constant@2.00req/s",
        "executor_type": "ConstantArrivalRate",
        "config": {"max_vus": 128, "duration": {"secs": 120, "nanos": 0}, "rate": 2.0},
        "total_requests": 240,
        "total_tokens": 48000,
        "token_throughput_secs": 400.0,
        "duration_ms": 120500,
        "time_to_first_token_ms": times,
        "inter_token_latency_ms": times,
        "failed_requests": 2,
        "successful_requests": 238,
        "request_rate": 1.98,
        "total_tokens_sent": 47600,
        "e2e_latency_ms": times,
    }
    return {
        "config": {
            "model_name": "llama",
            "tokenizer": "meta/llama",
            "decode_options": {"num_tokens": 200, "min_tokens": 200},
            "prompt_options": {"num_tokens": 200},
        },
        "results": [{**result, "id": "warmup"}, result],
        "start_time": "2026-01-01T00:00:00+00:00",
        "end_time": "2026-01-01T00:02:00+00:00",
        "system": {"cpu": []},
    }


SEEDS = {
    "inference_benchmarker": dumped(benchmarker_report()),
}
