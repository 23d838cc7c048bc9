"""What vLLM's and SGLang's clients print."""

LINE = "{:<40} {:<10}\n".format


def table(rows: dict[str, str], heading: str = " Serving Benchmark Result ") -> str:
    return f"{heading:=^50}\n" + "".join(map(LINE, rows, rows.values())) + "=" * 50 + "\n"


OLD = {
    "Successful requests:": "8",
    "Benchmark duration (s):": "132.10",
    "Total input tokens:": "8192",
    "Total generated tokens:": "40",
    "Request throughput (req/s):": "0.06",
    "Output token throughput (tok/s):": "0.30",
    "Total Token throughput (tok/s):": "62.32",
    "---Time to First Token---": "",
    "Mean TTFT (ms):": "1032.55",
    "Mean TPOT (ms):": "30657.55",
    "P99.9 TPOT (ms):": "nan",
    "Median ITL (ms):": "inf",
    "Median E2EL (ms):": "0.00",
}
NEW = {
    "Successful requests:": "7",
    "Failed requests:": "1",
    "Maximum request concurrency:": "4",
    "Request rate configured (RPS):": "2.50",
    "Benchmark duration (s):": "10.00",
    "Total input tokens:": "8192",
    "Total generated tokens:": "4096",
    "Request throughput (req/s):": "0.70",
    "Output token throughput (tok/s):": "409.60",
    "Peak output token throughput (tok/s):": "500.00",
    "Peak concurrent requests:": "5.00",
    "Total token throughput (tok/s):": "1228.80",
    "Mean TPOT (ms):": "31.25",
    "Mean Client Queue Time (ms):": "12.00",
    "Mean E2EL incl. Client Queue (ms):": "99.00",
    "Median probe E2EL (ms):": "77.00",
    "Acceptance length:": "2.40",
}
SGLANG = {
    "Backend:": "sglang",
    "Traffic request rate:": "inf",
    "Max request concurrency:": "not set",
    "Successful requests:": "8",
    "Benchmark duration (s):": "20.00",
    "Total input tokens:": "8192",
    "Total input text tokens:": "8192",
    "Total generated tokens:": "4096",
    "Total generated tokens (retokenized):": "4001",
    "Output token throughput (tok/s):": "204.80",
    "Peak output token throughput (tok/s):": "300.00",
    "Peak concurrent requests:": "8",
    "Concurrency:": "7.50",
    "Accept length:": "2.10",
    "Mean E2E Latency (ms):": "18000.00",
    "P95 ITL (ms):": "33.00",
    "Max ITL (ms):": "99.00",
}
NAMESPACE = (
    "Namespace(subparser='bench', dispatch_function=<function cmd at 0x7f>, seed=0, num_prompts=8, "
    "dataset_name='random', random_input_len=1024, random_output_len=512, random_range_ratio=0.0, "
    "model='Qwen/QwQ-32B', tokenizer=None, request_rate=inf, max_concurrency=4, ignore_eos=True)\n"
)
PROGRESS = "\r".join(f"{n * 25:3}%|{'█' * n}| {n}/4 [00:0{n}<00:00]" for n in range(5)) + "\n"

SEEDS = {
    "old": table(OLD).encode(),
    "new": table(NEW).encode(),
    "sglang": table(SGLANG).encode(),
    "log": (NAMESPACE + PROGRESS + table(OLD) + "\nagain\n\n" + table(NEW)).encode(),
    "server": (f"server_args=ServerArgs(stream_interval=16)\n{NAMESPACE}{table(SGLANG)}").encode(),
    "prefixed": "".join(
        f"vllm-1  | 2025-07-16T10:15:00Z INFO {line}\r\n" for line in table(NEW).splitlines()
    ).encode(),
}
