"""Small files with llama-benchy's keys: schemas/benchmark_report_schema.json."""

from tests.serving.readers.files import dumped


def metric(*values):
    mean = sum(values) / len(values)
    spread = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    return {"mean": mean, "std": spread, "values": list(values)}


def entry(**more):
    """One user: speeds of 40, 50 and 40 tokens/s."""
    return {
        "concurrency": 1,
        "context_size": 0,
        "prompt_size": 2048,
        "response_size": 32,
        "is_context_prefill_phase": False,
        "pp_throughput": metric(900.0, 1000.0, 1000.0),
        "pp_req_throughput": None,
        "tg_throughput": metric(40.0, 50.0, 40.0),
        "tg_req_throughput": None,
        "peak_throughput": metric(41.0, 51.0, 41.0),
        "ttfr": metric(2100.0, 2000.0, 2200.0),
        "est_ppt": metric(2098.0, 1998.0, 2198.0),
        "e2e_ttft": metric(2110.0, 2010.0, 2210.0),
        **more,
    }


def shared(**more):
    """Two users, 64 tokens/s together and 40 each while they decode."""
    return entry(
        concurrency=2,
        context_size=4096,
        tg_throughput=metric(64.0, 64.0),
        tg_req_throughput=metric(40.0, 40.0, 40.0, 40.0),
        **more,
    )


def report(*entries, **more):
    return {
        "version": "0.3.5",
        "timestamp": "2026-08-18 00:00:00Z",
        "latency_mode": "generation",
        "latency_ms": 1.27,
        "model": "Qwen/QwQ-32B",
        "prefix_caching_enabled": False,
        "max_concurrency": 2,
        "prompt_source": None,
        "benchmarks": list(entries),
        **more,
    }


ONE_USER = """\
| model         |           test |            t/s |       ttfr (ms) |    est_ppt (ms) |   e2e_ttft (ms) |
|:--------------|---------------:|---------------:|----------------:|----------------:|----------------:|
| Qwen/QwQ-32B  |         pp2048 | 966.00 \xb1 47.1 | 2100.00 \xb1 81.6 | 2098.00 \xb1 81.6 | 2110.00 \xb1 81.6 |
| Qwen/QwQ-32B  |           tg32 |   40.00 \xb1 0.50 |                 |                 |                 |
| Qwen/QwQ-32B  | pp2048 @ d4096 | 900.00 \xb1 47.1 | 6100.00 \xb1 81.6 | 6098.00 \xb1 81.6 | 6110.00 \xb1 81.6 |
| Qwen/QwQ-32B  |   tg32 @ d4096 |   32.00 \xb1 0.50 |                 |                 |                 |
"""  # noqa: E501
USERS = """\
| model |        test |  t/s (total) |    t/s (req) |    ttfr (ms) | est_ppt (ms) | e2e_ttft (ms) |
|:------|------------:|-------------:|-------------:|-------------:|-------------:|--------------:|
| qwq   | pp2048 (c2) | 900.0 \xb1 1.00 | 450.0 \xb1 1.00 | 2100.0 \xb1 1.0 | 2098.0 \xb1 1.0 |  2110.0 \xb1 1.0 |
| qwq   |   tg32 (c2) | 64.00 \xb1 0.10 | 40.00 \xb1 0.10 |              |              |               |
"""  # noqa: E501

SEEDS = {
    "llama_benchy": dumped(report(entry(), shared())),
    "llama_benchy_table": ONE_USER.encode(),
}
