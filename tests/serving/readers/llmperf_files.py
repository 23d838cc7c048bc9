"""Small files with llmperf's keys: token_benchmark_ray.py."""

from tests.serving.readers.files import dumped


def llmperf_rows():
    good = {
        "error_code": None,
        "error_msg": "",
        "inter_token_latency_s": 0.02,
        "ttft_s": 0.5,
        "end_to_end_latency_s": 2.0,
        "request_output_throughput_token_per_s": 50.0,
        "number_total_tokens": 650,
        "number_output_tokens": 100,
        "number_input_tokens": 550,
    }
    bad = {**good, "error_code": 429, "error_msg": "Too many", "number_output_tokens": 0}
    return [good, bad]


def llmperf_summary():
    names = ("inter_token_latency_s", "ttft_s", "end_to_end_latency_s")
    suffixes = ("quantiles_p25", "quantiles_p50", "quantiles_p99", "mean", "min", "max", "stddev")
    return {
        "version": "2023-08-31",
        "name": "m_550_150_summary",
        "model": "m",
        "mean_input_tokens": 550,
        "mean_output_tokens": 150,
        "num_concurrent_requests": 2,
        **{
            f"results_{name}_{suffix}": 0.5 * (i + 1) + j
            for i, name in enumerate(names)
            for j, suffix in enumerate(suffixes)
        },
        "results_num_requests_started": 12,
        "results_number_errors": 1,
        "results_mean_output_throughput_token_per_s": 42.5,
        "results_num_completed_requests": 11,
        "results_num_completed_requests_per_min": 33.0,
        "timestamp": 1700000000,
    }


SEEDS = {
    "llmperf": dumped(llmperf_summary()),
    "llmperf_rows": dumped(llmperf_rows()),
}
