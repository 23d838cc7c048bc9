"""vLLM's client: ``--save-result`` with and without ``--save-detailed``, and the printed table.

Formulas and keys: vllm-project/vllm 009e6d4 vllm/benchmarks/serve.py calculate_metrics, benchmark
and main, with lib/endpoint_request_func.py async_request_openai_completions. The client before PR
#12288: v0.6.6.post1 benchmarks/benchmark_serving.py and backend_request_func.py, where a
message without text is passed over, the latency ends with ``[DONE]`` and the output is tokenised
again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.serving.generate.figures import dumped, summary, text
from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Shape

TITLES = {
    "ttft": ("TTFT", "Time to First Token"),
    "tpot": ("TPOT", "Time per Output Token (excl. 1st token)"),
    "itl": ("ITL", "Inter-token Latency"),
    "e2el": ("E2EL", "End-to-end Latency"),
}
CLOCK = 353_399.725848632
"""``time.perf_counter()`` when the client started; only its differences mean anything."""


@dataclass(frozen=True)
class Output:
    """What the client keeps of a request."""

    request: Request
    output_len: int
    ttft: float
    itl: list[float]
    latency: float


def seen(served: Served, old: bool) -> list[Output]:
    """By each of the two clients; `old` is the one before PR #12288."""
    outputs = []
    for request in served.measured:
        at = request.text_at if old else request.at
        gaps = np.diff(at).tolist()
        ttft = float(at[0] - request.sent) if at.size else 0.0
        if served.fault("ttft-among-gaps"):  # issue #7242: an else was missing
            gaps = [ttft, *gaps]
        end = request.done if old or not at.size else float(at[-1])
        count = request.visible if old else request.decoded
        outputs.append(Output(request, count, ttft, gaps, end - request.sent))
    return outputs


def result(served: Served, *, old: bool, detailed: bool, e2el: bool) -> dict[str, Any]:
    """The JSON object."""
    outputs, took = seen(served, old), served.duration
    total_input = sum(o.request.prompt for o in outputs)
    total_output = sum(o.output_len for o in outputs)
    rate = served.scenario.rate
    values = {
        "ttft": [o.ttft for o in outputs],
        "tpot": [(o.latency - o.ttft) / (o.output_len - 1) for o in outputs if o.output_len > 1],
        "itl": [gap for o in outputs for gap in o.itl],
        "e2el": [o.latency for o in outputs],
    }
    peak_tokens, peak_requests = _peaks(outputs)
    lists = {
        "input_lens": [o.request.prompt for o in outputs],
        "output_lens": [o.output_len for o in outputs],
        "ttfts": values["ttft"],
        "itls": [o.itl for o in outputs],
        "generated_texts": [text(o.request.visible, i) for i, o in enumerate(outputs)],
        "errors": [""] * len(outputs),
    }
    clocks = {
        "latencies": values["e2el"],
        "start_times": [CLOCK + o.request.sent for o in outputs],
        "queue_times": [_queued(served, o) for o in outputs],
    }
    given: dict[str, Any] = {
        "date": "20241230-101500" if old else "20260716-101500",
        "backend": "vllm",
        "model_id": "some/model",
        "tokenizer_id": "some/model",
        "num_prompts": len(outputs),
        "request_rate": "inf" if math.isinf(rate) else rate,
        "burstiness": 1.0,
        "max_concurrency": served.scenario.concurrency,
        "duration": took,
        "completed": len(outputs),
        "total_input_tokens": total_input,
        "total_output_tokens": total_output,
        "request_throughput": len(outputs) / took,
        "output_throughput": total_output / took * (1e9 if served.fault("absurd-rate") else 1),
        "total_token_throughput": (total_input + total_output) / took,
    }
    if old:
        given |= {"best_of": 1, "request_goodput:": None}
    else:
        given |= {
            "endpoint_type": "openai",
            "label": None,
            "failed": 0,
            "request_goodput": None,
            "max_output_tokens_per_s": peak_tokens,
            "max_concurrent_requests": peak_requests,
            "rtfx": 0.0,
        }
        lists |= clocks
    if served.scenario.tokens_a_step > 1 and not old and not served.fault("untold"):
        given |= _speculation(outputs)
    scale = 1.0 if served.fault("seconds-for-ms") else 1e3
    for metric in ("ttft", "tpot", "itl", *(["e2el"] if e2el else [])):
        found = summary(values[metric], (99,), scale)
        given |= {f"{s}_{metric}_ms": found[s] for s in ("mean", "median", "std", "p99")}
    return given | (lists if detailed else {})


def table(served: Served, *, old: bool) -> bytes:
    """What the client prints."""
    found = result(served, old=old, detailed=False, e2el=True)
    lines = [f"{' Serving Benchmark Result ':=^50}"]

    def line(name: str, value: Any, decimals: bool = True) -> None:
        lines.append(f"{name:<40} {f'{value:.2f}' if decimals else value!s:<10}")

    line("Successful requests:", found["completed"], False)
    if not old:
        line("Failed requests:", 0, False)
        if found["max_concurrency"] is not None:
            line("Maximum request concurrency:", found["max_concurrency"], False)
        if found["request_rate"] != "inf":
            line("Request rate configured (RPS):", found["request_rate"])
    line("Benchmark duration (s):", found["duration"])
    line("Total input tokens:", found["total_input_tokens"], False)
    line("Total generated tokens:", found["total_output_tokens"], False)
    line("Request throughput (req/s):", found["request_throughput"])
    line("Output token throughput (tok/s):", found["output_throughput"])
    if not old:
        line("Peak output token throughput (tok/s):", found["max_output_tokens_per_s"])
        line("Peak concurrent requests:", found["max_concurrent_requests"])
    word = "Total Token throughput (tok/s):" if old else "Total token throughput (tok/s):"
    line(word, found["total_token_throughput"])
    for metric, (short, title) in TITLES.items():
        lines.append(f"{title:-^50}")
        for statistic in ("mean", "median", "p99"):
            name = f"{statistic.capitalize()} {short} (ms):"
            line(name, found[f"{statistic}_{metric}_ms"])
    if "spec_decode_acceptance_length" in found:
        lines.append(f"{'Speculative Decoding':-^50}")
        line("Acceptance rate (%):", found["spec_decode_acceptance_rate"])
        line("Acceptance length:", found["spec_decode_acceptance_length"])
        line("Drafts:", found["spec_decode_num_drafts"], False)
        line("Draft tokens:", found["spec_decode_draft_tokens"], False)
        line("Accepted tokens:", found["spec_decode_accepted_tokens"], False)
    return "\n".join([*lines, "=" * 50, ""]).encode()


def _queued(served: Served, output: Output) -> float:
    """From when the client had made the request to when a place was free to send it."""
    return 1e-5 + (output.request.sent if served.scenario.concurrency is not None else 0.0)


def _peaks(outputs: list[Output]) -> tuple[float, int]:
    """Messages in the best second from the first request on; requests at once."""
    at = np.concatenate([o.request.sent + o.ttft + np.cumsum([0.0, *o.itl]) for o in outputs])
    began = min(o.request.sent for o in outputs)
    events = sorted(
        [(o.request.sent, 1) for o in outputs] + [(o.request.sent + o.latency, -1) for o in outputs]
    )
    most = int(np.cumsum([step for _, step in events]).max())
    return float(np.bincount((at - began).astype(np.int64)).max()), most


def _speculation(outputs: list[Output]) -> dict[str, Any]:
    """The server's counters, of drafts of seven tokens."""
    drafts = sum(o.request.steps for o in outputs)
    accepted = sum(o.request.decoded - 1 - o.request.steps for o in outputs)
    return {
        "spec_decode_acceptance_rate": 100 * accepted / (7 * drafts),
        "spec_decode_acceptance_length": 1 + accepted / drafts,
        "spec_decode_num_drafts": drafts,
        "spec_decode_draft_tokens": 7 * drafts,
        "spec_decode_accepted_tokens": accepted,
        "spec_decode_per_position_acceptance_rates": [],
    }


def _json(*, old: bool = False, detailed: bool = False, e2el: bool = False) -> Shape:
    def write(served: Served) -> bytes:
        return dumped(result(served, old=old, detailed=detailed, e2el=e2el))

    return Shape("vllm.json", write)


SHAPES = {
    "vllm": _json(),
    "vllm-e2el": _json(e2el=True),
    "vllm-detailed": _json(detailed=True, e2el=True),
    "vllm-0.6": _json(old=True),
    "vllm-0.6-detailed": _json(old=True, detailed=True),
    "vllm-table": Shape("vllm.txt", lambda served: table(served, old=False)),
    "vllm-0.6-table": Shape("vllm.txt", lambda served: table(served, old=True)),
}
