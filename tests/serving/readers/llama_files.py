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


DEVICES = """\
ggml_sycl_init: found 1 SYCL devices:
|  |                   |                              |       |compute|
|ID|        Device Type|                          Name|Version|units  |
|--|-------------------|------------------------------|-------|-------|
| 0| [level_zero:gpu:0]|Intel(R) Arc(TM) A770 Graphics|    1.6|    512|
"""
ROW = "| {:<30} | {:>10} | {:>10} | {:<10} | {:>3} | {:>15} | {:>20} |\n".format
TESTS = {
    "pp512": "2335.96 \xb1 5.46",
    "tg128": "40.00 \xb1 0.10",
    "tg128 @ d4096": "32.00 \xb1 0.02",
    "pp512+tg128": "150.00 \xb1 0.10",
}
SEVEN_B = ("llama 7B Q4_0", "3.56 GiB", "6.74 B", "SYCL", 99)
TABLE = (
    ROW("model", "size", "params", "backend", "ngl", "test", "t/s")
    + ROW("-" * 30, "-" * 9 + ":", "-" * 9 + ":", "-" * 10, "--:", "-" * 14 + ":", "-" * 19 + ":")
    + "".join(ROW(*SEVEN_B, *test) for test in TESTS.items())
    + "\nbuild: 0104b151 (7000)\n"
)
FIELDS = [
    *("build_commit", "build_number", "cpu_info", "gpu_info", "backends", "model_filename"),
    *("model_type", "model_size", "model_n_params", "n_batch", "n_ubatch", "n_threads"),
    *("cpu_mask", "cpu_strict", "poll", "type_k", "type_v", "n_gpu_layers", "n_cpu_moe"),
    *("split_mode", "main_gpu", "no_kv_offload", "flash_attn", "devices", "tensor_split"),
    *("tensor_buft_overrides", "load_mode", "embeddings", "no_op_offload", "no_host"),
    *("fit_target", "fit_min_ctx", "n_prompt", "n_gen", "n_depth", "test_time"),
    *("avg_ns", "stddev_ns", "avg_ts", "stddev_ts"),
]


def llama_bench_values(n_prompt=0, n_gen=128, **more):
    """As test::get_values: texts, in the order of FIELDS."""
    test = llama_bench_test(n_prompt, n_gen, **more)
    known = {"cpu_info": 'Intel(R) "Core", 8', "type_k": "q8_0", "type_v": "f16", **test}
    known.setdefault("n_gpu_layers", 99)
    return [str(known.get(field, "0")) for field in FIELDS]


def llama_bench_csv(*tests):
    quoted = [[f'"{value.replace(chr(34), chr(34) * 2)}"' for value in test] for test in tests]
    return "".join(f"{','.join(row)}\n" for row in (FIELDS, *quoted)).encode()


def llama_bench_sql(*tests):
    columns = ",\n".join(f"  {field} TEXT" for field in FIELDS)
    inserts = "".join(
        f"INSERT INTO llama_bench ({', '.join(FIELDS)}) VALUES ("
        + ", ".join(f"'{value}'" for value in test)
        + ");\n"
        for test in tests
    )
    return f"CREATE TABLE IF NOT EXISTS llama_bench (\n{columns}\n);\n\n{inserts}".encode()


CLI_LOG = """\
build: 6710 (74b8fc17f) with cc (Ubuntu 11.4.0) 11.4.0 for x86_64-linux-gnu
llama_prepare_model_devices: using device SYCL0 (Intel(R) Arc(TM) A770 Graphics) (unknown id) - 15 MiB free
llama_model_loader: loaded meta data with 19 key-value pairs and 291 tensors from models/llama-2-7b.Q4_0.gguf (version GGUF V2)
print_info: file type   = Q4_0
print_info: file size   = 3.56 GiB (4.54 BPW)

 Once upon a time, the eval time was short.

llama_perf_sampler_print:    sampling time =      10.00 ms /   120 runs   (    0.08 ms per token, 12000.00 tokens per second)
llama_perf_context_print:        load time =    1000.00 ms
llama_perf_context_print: prompt eval time =     200.00 ms /    20 tokens (   10.00 ms per token,   100.00 tokens per second)
llama_perf_context_print:        eval time =    2475.00 ms /    99 runs   (   25.00 ms per token,    40.00 tokens per second)
llama_perf_context_print:       total time =    2700.00 ms /   119 tokens
"""  # noqa: E501
SPENT = "time = {:10.2f} ms / {:5} tokens"
EACH = f"{SPENT} ({{:8.2f}} ms per token, {{:8.2f}} tokens per second)"
TIMES = (f"prompt eval {EACH}", f"       eval {EACH}", f"      total {SPENT}")


def llama_server_lines(prompt_ms, prompt_n, ms, n, less=0):
    """What print_timings writes; `less` 1 as since 2026."""
    prompt, each, total = TIMES
    return [
        prompt.format(prompt_ms, prompt_n, prompt_ms / prompt_n, 1e3 * prompt_n / prompt_ms),
        each.format(ms, n, ms / (n - less), 1e3 * (n - less) / ms),
        total.format(prompt_ms + ms, prompt_n + n),
    ]


def llama_server_log(*requests, less=0):
    """Of 2026: a line each. A request is (seconds, whole prompt, prompt_ms, prompt_n, ms, n)."""
    lines = []
    for task, (end, whole, *times) in enumerate(requests):
        slot = f"id  {task % 2} | task {task} |"
        lines.append(
            f"{_clock(end - 5)} I slot   operator(): {slot} new prompt, n_ctx_slot = 4096, "
            f"n_keep = 0, task.n_tokens = {whole}"
        )
        timings = llama_server_lines(*times, less=less)
        lines += [f"{_clock(end)} I slot print_timing: {slot} {text}" for text in timings]
    return "".join(f"{line}\n" for line in lines)


def _clock(seconds):
    """As common_log writes it: minutes, seconds, ms, us."""
    us = round(seconds * 1e6)
    return f"{us // 60_000_000}.{us // 1_000_000 % 60:02}.{us // 1000 % 1000:03}.{us % 1000:03}"


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


CHAT = """\
build      : b10987-d1d3c3396
model      : Qwen2.5-7B-Instruct-Q4_K_M.gguf
modalities : text

> hello
Hello! How can I help you today?

[ Prompt: 113.2 t/s | Generation: 40.0 t/s ]

> Now in French.
Bonjour !

[ Prompt: 99.0 t/s | Generation: 50.0 t/s ]

> 
"""  # noqa: W291
BATCHED = """\
main: n_kv_max = 270336, n_batch = 2048, n_ubatch = 2048, flash_attn = 1, is_pp_shared = 0

|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |
|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|
|   512 |     32 |    1 |    544 |    0.215 |  2379.83 |    1.095 |    29.24 |    1.310 |   415.37 |
|   512 |     32 |    8 |   4352 |    1.738 |  2356.86 |    1.308 |   195.67 |    3.046 |  1428.66 |
"""
SWEEP = """\
|    PP |     TG |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |
|-------|--------|--------|----------|----------|----------|----------|
|   512 |    128 |      0 |    0.158 |  3237.86 |    2.047 |    62.54 |
|   512 |    128 |    512 |    0.167 |  3071.16 |    2.066 |    61.94 |
"""

SEEDS = {
    "llama_bench": dumped([llama_bench_test(), llama_bench_test(512, 0)]),
    "llama_bench_lines": lines(llama_bench_test(), llama_bench_test(512, 128)),
    "llama_bench_csv": llama_bench_csv(llama_bench_values(), llama_bench_values(512, 0)),
    "llama_bench_sql": llama_bench_sql(llama_bench_values(), llama_bench_values(512, 0)),
    "llama_bench_table": (DEVICES + TABLE).encode(),
    "llama_cli_chat": CHAT.encode(),
    "llama_batched_bench": BATCHED.encode(),
    "llama_sweep_bench": SWEEP.encode(),
    "llama_cli_log": CLI_LOG.encode(),
    "llama_server_log": llama_server_log(
        (10.0, 1000, 200.0, 1000, 2500.0, 100), (12.5, 1000, 5.0, 1, 2525.0, 101)
    ).encode(),
    "llama_server": dumped(llama_server_answer()),
    "llama_server_lines": lines(llama_server_answer(), llama_server_answer(predicted_n=4)),
}
