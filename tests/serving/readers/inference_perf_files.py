"""Small files with inference-perf's keys: inference_perf/reportgen/base.py."""

from tests.serving.readers.files import dumped


def inference_perf_report():
    numbers = {"mean": 0.25, "min": 0.1, "p0.1": 0.1, "median": 0.2, "p99.9": 0.9, "max": 1.0}
    keys = ("request_latency", "normalized_time_per_output_token", "time_per_output_token")
    keys += ("time_to_first_token", "inter_token_latency")
    return {
        "benchmark_time_seconds": 12.5,
        "load_summary": {"count": 11, "requested_rate": 2.0, "concurrency": 3},
        "successes": {
            "count": 10,
            "latency": dict.fromkeys(keys, numbers),
            "throughput": {
                "input_tokens_per_sec": 80.0,
                "output_tokens_per_sec": 40.0,
                "total_tokens_per_sec": 120.0,
                "requests_per_sec": 0.8,
            },
            "prompt_tokens": {"total": 1000.0, "cached": 40.0, "uncached": 960.0, "mean": 100.0},
            "output_len": {"mean": 50.0},
            "output_tokens": {"total": 512.0, "mean": 51.2},
            "token_count_mismatches": 10,
        },
        "failures": {"count": 1, "request_latency": None, "by_label": {}},
    }


def inference_perf_rows():
    """One of the present form, one of the first."""
    response = {
        "output_tokens": 4,
        "server_usage": {"prompt_tokens": 7, "completion_tokens": 5},
        "chunk_times": [10.5, 11.0],
        "output_token_times": [10.5, 10.5, 11.0, 11.25],
    }
    now = {
        "start_time": 10.0,
        "end_time": 11.5,
        "request": "{}",
        "response": "x",
        "info": {"request_metrics": {"text": {"input_tokens": 7}}, "response_metrics": response},
        "error": None,
    }
    failed = {
        "start_time": 10.25,
        "end_time": 10.5,
        "info": {"request_metrics": {"text": {"input_tokens": 8}}, "response_metrics": None},
        "error": {"error_type": "HTTP Error 500", "error_msg": "oh"},
    }
    return [now, failed]


def inference_perf_of_messages():
    given = inference_perf_report()
    del given["benchmark_time_seconds"], given["successes"]["output_tokens"]
    return given


def inference_perf_of_server():
    percentiles = {"mean": 0.02, "median": 0.01, "p99": 0.05}
    successes = {"count": 5, "rate": 0.5, "time_per_output_token": percentiles}
    return {
        "benchmark_time_seconds": 0.0,
        "load_summary": {},
        "successes": successes,
        "failures": {},
    }


def inference_perf_first_rows():
    info = {"input_tokens": 7, "output_tokens": 2, "output_token_times": [10.5, 10.75, 11.5]}
    return [{**inference_perf_rows()[0], "info": info}]


SEEDS = {
    "inference_perf": dumped(inference_perf_report()),
    "inference_perf_of_messages": dumped(inference_perf_of_messages()),
    "inference_perf_of_server": dumped(inference_perf_of_server()),
    "inference_perf_rows": dumped(inference_perf_rows()),
    "inference_perf_first_rows": dumped(inference_perf_first_rows()),
}
