"""Small files with llama.cpp's keys: tools/llama-bench, tools/server/server-task.cpp."""

from tests.serving.readers.files import dumped, lines


def llama_bench_test(n_prompt=0, n_gen=128, **more):
    samples = [2_500_000_000, 2_600_000_000]
    return {
        "build_commit": "0104b151c",
        "build_number": 7000,
        "gpu_info": "Intel(R) Arc(TM) A770",
        "model_filename": "qwq-32b-q4_k_m.gguf",
        "model_type": "qwen2 32B Q4_K - Medium",
        "model_size": 19_845_357_568,
        "model_n_params": 32_763_876_352,
        "n_prompt": n_prompt,
        "n_gen": n_gen,
        "n_depth": 0,
        "test_time": "2026-08-21T10:00:00Z",
        "avg_ns": 2_550_000_000,
        "stddev_ns": 70_710_678,
        "avg_ts": 50.215,
        "stddev_ts": 1.3926,
        "samples_ns": samples,
        "samples_ts": [1e9 * (n_prompt + n_gen) / sample for sample in samples],
        **more,
    }


def llama_server_answer(**timings):
    return {
        "content": "Arc is a\ncard.",
        "stop": True,
        "stop_type": "limit",
        "model": "qwq-32b",
        "tokens_predicted": 12,
        "tokens_evaluated": 40,
        "generation_settings": {"n_predict": 12, "ignore_eos": True},
        "timings": {
            "cache_n": 30,
            "prompt_n": 10,
            "prompt_ms": 125.5,
            "prompt_per_token_ms": 12.55,
            "prompt_per_second": 79.68,
            "predicted_n": 12,
            "predicted_ms": 330.25,
            "predicted_per_token_ms": 27.520833333333332,
            "predicted_per_second": 36.336,
            **timings,
        },
    }


SEEDS = {
    "llama_bench": dumped([llama_bench_test(), llama_bench_test(512, 0)]),
    "llama_bench_lines": lines(llama_bench_test(), llama_bench_test(512, 128)),
    "llama_server": dumped(llama_server_answer()),
    "llama_server_lines": lines(llama_server_answer(), llama_server_answer(predicted_n=4)),
}
