"""Small files with guidellm's keys: src/guidellm/schemas/request_stats.py."""

from tests.serving.readers.files import dumped


def guidellm_request(**more):
    return {
        "type_": "generative_request_stats",
        "output": "Well, then",
        "info": {
            "status": "completed",
            "error": None,
            "timings": {
                "request_start": 1000.25,
                "first_token_iteration": 1000.75,
                "last_token_iteration": 1002.75,
                "token_iterations": 5,
                "request_end": 1003.0,
            },
        },
        "request_latency": 2.75,
        "prompt_tokens": 32,
        "output_tokens": 9,
        "time_to_first_token_ms": 500.0,
        **more,
    }


def guidellm_report(successful=(), errored=()):
    times = {"mean": 12.5, "median": 12.0, "std_dev": 0.5, "min": 1.0, "max": 20.0}
    distribution = {
        **times,
        "count": 2,
        "total_sum": 25.0,
        "percentiles": {"p001": 1.0, "p999": 19},
    }
    of_status = {"successful": distribution, "errored": {"mean": 0.0}, "total": distribution}
    keys = ("time_to_first_token_ms", "time_per_output_token_ms", "inter_token_latency_ms")
    keys += ("request_latency", "output_token_count", "prompt_token_count", "request_concurrency")
    benchmark = {
        "type_": "generative_benchmark",
        "config": {"strategy": {"type_": "concurrent", "streams": 4}, "backend": {"model": "m"}},
        "scheduler_state": {},
        "metrics": {
            "request_totals": {"successful": 2, "errored": 1, "incomplete": 0, "total": 3},
            **dict.fromkeys(keys, of_status),
        },
        "requests": {"successful": list(successful), "errored": list(errored), "incomplete": []},
        "start_time": 1000.0,
        "duration": 5.5,
    }
    metadata = {"version": 2, "guidellm_version": "0.8.0"}
    return {"metadata": metadata, "config": {}, "benchmarks": [benchmark]}


def guidellm_request_of_0_3(**more):
    """The same request with the keys of 0.2 and 0.3: src/guidellm/benchmark/benchmark.py."""
    return {
        "type_": "generative_text_response",
        "scheduler_info": {"requested": True, "completed": True},
        "prompt": "Say it",
        "output": "Well, then",
        "prompt_tokens": 32,
        "output_tokens": 9,
        "start_time": 1000.25,
        "end_time": 1003.0,
        "first_token_time": 1000.75,
        "last_token_time": 1002.75,
        "request_latency": 2.75,
        "time_to_first_token_ms": 500.0,
        "time_per_output_token_ms": 2000 / 9,
        "inter_token_latency_ms": 250.0,
        **more,
    }


def guidellm_report_of_0_3(successful=(), errored=()):
    new = guidellm_report(successful, errored)["benchmarks"][0]
    totals = new["metrics"].pop("request_totals")
    strategy = {"type_": "constant", "max_concurrency": 8, "rate": 2.5}
    data = '{"prompt_tokens": 32, "prompt_tokens_stdev": 4, "output_tokens": 9}'
    benchmark = {
        "type_": "generative_benchmark",
        "args": {"profile": {"type_": "async"}, "strategy_index": 0, "strategy": strategy},
        "run_stats": {"start_time": 999.0, "end_time": 1006.0},
        "worker": {"backend_type": "openai_http", "backend_model": "Qwen/QwQ-32B"},
        "request_loader": {"data": data, "processor": "Qwen/QwQ-32B"},
        "request_totals": totals,
        **{key: new[key] for key in ("metrics", "requests", "start_time", "duration")},
    }
    return {"benchmarks": [benchmark]}


SEEDS = {
    "guidellm_0_3": dumped(guidellm_report_of_0_3([guidellm_request_of_0_3()])),
    "guidellm": dumped(guidellm_report([guidellm_request()], [guidellm_request()])),
}
