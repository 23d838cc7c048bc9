"""Files as vLLM's client writes them, with the keys of each age and small made-up numbers."""

import csv
import io
import json
from typing import Any

TEXT = " Der Weg ist\n lang: \u9053 \U0001f600"


def setup(**more: Any) -> dict[str, Any]:
    return {
        "date": "20250716-101500",
        "backend": "vllm",
        "model_id": "Qwen/QwQ-32B",
        "tokenizer_id": "Qwen/QwQ-32B",
        "num_prompts": 3,
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": None,
        **more,
    }


def results(**more: Any) -> dict[str, Any]:
    return {
        "duration": 2.5,
        "completed": 2,
        "total_input_tokens": 2048,
        "total_output_tokens": 7,
        "request_throughput": 0.8,
        "request_goodput:": None,
        "output_throughput": 2.8,
        "total_token_throughput": 822.0,
        **more,
    }


def details(**more: Any) -> dict[str, Any]:
    """Three requests: four tokens, three tokens, failed."""
    return {
        "input_lens": [1024, 1024, 1024],
        "output_lens": [4, 3, 0],
        "ttfts": [0.25, 0.5, 0.0],
        "itls": [[0.03, 0.0312345678901234, 0.029], [0.04, 0.041], []],
        "generated_texts": [TEXT, "a b", ""],
        "errors": ["", "", "Bad Gateway"],
        **more,
    }


def figures() -> dict[str, float]:
    names = ("mean", "median", "std", "p99", "p99.9")
    metrics = {"ttft": 375.0, "tpot": 30.5, "itl": 33.3}
    return {f"{s}_{m}_ms": v for m, v in metrics.items() for s in names}


def in_2024(**more: Any) -> dict[str, Any]:
    """v0.5: no burstiness, input_throughput, no std."""
    start = {"date": "20240702-101500", "best_of": 1, "use_beam_search": False}
    result = {**setup(**start), **results(input_throughput=819.2), **details(), **figures(), **more}
    late = ("burstiness", "max_concurrency", "request_goodput:", "total_token_throughput")
    return {key: value for key, value in result.items() if key not in late}


def around_0_6_6(**more: Any) -> dict[str, Any]:
    """v0.6.4 to v0.7.3: on which side of PR #12288 is not written."""
    return {**setup(best_of=1), **results(), **details(), **figures(), **more}


def in_2025(**more: Any) -> dict[str, Any]:
    return {**setup(), **results(), **details(), **figures(), **more}


def in_2026(**more: Any) -> dict[str, Any]:
    result = {
        **setup(endpoint_type="openai", label=None, max_concurrency=2),
        **results(
            failed=1,
            max_output_tokens_per_s=5.0,
            max_concurrent_requests=2,
            rtfx=0.0,
            spec_decode_acceptance_rate=61.5,
            spec_decode_acceptance_length=2.4,
            spec_decode_num_drafts=3,
            spec_decode_draft_tokens=9,
            spec_decode_accepted_tokens=4,
            spec_decode_per_position_acceptance_rates=[0.9, 0.5],
        ),
        **details(
            latencies=[0.3402345678901234, 0.581, 0.0],
            start_times=[353399.725848632, 353399.8, 353400.0],
            queue_times=[0.0, 0.1, 0.2],
        ),
        **figures(),
        "mean_e2el_ms": 460.6,
        "mean_client_queue_time_ms": 50.0,
        "p99_e2el_including_client_queue_ms": 681.0,
        "request_goodput": None,
        **more,
    }
    del result["request_goodput:"]
    return result


def without_details(result: dict[str, Any]) -> dict[str, Any]:
    lists = {*details(), "latencies", "start_times", "queue_times"}
    return {key: value for key, value in result.items() if key not in lists}


def sidecar() -> list[dict[str, Any]]:
    return [
        {
            "benchmark": {"name": "vLLM benchmark", "extra_info": {"args": {}}},
            "model": {"name": "Qwen/QwQ-32B"},
            "metric": {"name": "mean_ttft_ms", "benchmark_values": [375.0], "extra_info": {}},
        }
    ]


def swept(**more: Any) -> dict[str, Any]:
    """A run of ``vllm bench sweep serve``: keys of its own among those of the client."""
    return {**without_details(in_2026()), "run_number": 0, "max_num_seqs": 64, **more}


def sweep_csv(*results: dict[str, Any]) -> bytes:
    """``DataFrame.from_records(results).to_csv()``: numbers the rows, leaves None empty."""
    columns = list(dict.fromkeys(key for result in results for key in result))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["", *columns])
    for number, result in enumerate(results):
        writer.writerow([number, *(result.get(column) for column in columns)])
    return file.getvalue().encode()


LATENCY = {"avg_latency": 3.21, "std_latency": 0.01, "latencies": [3.2, 3.22]}
LATENCY |= {"percentiles": {"50": 3.21, "99": 3.22}}
THROUGHPUT = {"elapsed_time": 2.0, "num_requests": 8, "total_num_tokens": 4096}
THROUGHPUT |= {"requests_per_second": 4.0, "tokens_per_second": 2048.0}


def dumped(*values: Any) -> bytes:
    """As the client writes them: ``--append-result`` puts a line break between."""
    return "\n".join(map(json.dumps, values)).encode()


SEEDS = {
    "2024": dumped(in_2024()),
    "around-0.6.6": dumped(around_0_6_6()),
    "2025": dumped(in_2025()),
    "2026": dumped(in_2026()),
    "save-result": dumped(without_details(in_2026())),
    "append-result": dumped(in_2025(), without_details(in_2026())),
    "nan": dumped(in_2025(mean_tpot_ms=float("nan"), itls=[[float("nan"), 1e400], [-0.1], []])),
    "pretty": json.dumps(in_2025(), indent=2, ensure_ascii=False).encode(),
    "sweep": dumped([swept(), swept(run_number=1)]),
    "sweep_csv": sweep_csv(swept(), swept(run_number=1, stream_interval=4)),
    "latency": dumped(LATENCY),
    "throughput": dumped(THROUGHPUT),
    "latency_printed": b"Warming up...\nAvg latency: 3.21 seconds\nStd latency: 0.01 seconds\n",
    "throughput_printed": b"Throughput: 4.00 requests/s, 2048.00 total tokens/s, "
    b"1024.00 output tokens/s\nTotal num prompt tokens:  2048\n",
    "sidecar": dumped(sidecar()),
}
