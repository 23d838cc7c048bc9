"""guidellm's JSON report, version 2, with the requests in it and without.

Per request: vllm-project/guidellm 06cef29 src/guidellm/schemas/request_stats.py. Over requests:
src/guidellm/benchmark/schemas/generative/metrics.py GenerativeMetrics.compile, over the requests
within the measured window. Distributions: src/guidellm/schemas/statistics.py DistributionSummary
(a percentile is the value at that place, weights are repetitions); its merging of events less than
0.1 ms apart changes no mean and is left out. A message without text is no iteration
(src/guidellm/backends/openai/request_handlers.py).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.serving.generate.figures import dumped, text
from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Shape

EPOCH = 1_786_678_148.25
PERCENTILES = {
    "p001": 0.001,
    "p01": 0.01,
    "p05": 0.05,
    "p10": 0.1,
    "p25": 0.25,
    "p50": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p999": 0.999,
}


def distribution(values: Any, weights: Any = None, count: int | None = None) -> dict[str, Any]:
    """DistributionSummary.from_values."""
    values = np.asarray(values, np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    if not weights.sum():
        values, weights = np.zeros(0), np.zeros(0)
    count = round(weights.sum()) if count is None else count
    if not len(values):
        zeros = dict.fromkeys(("mean", "median", "mode", "variance", "std_dev", "min", "max"), 0.0)
        places = dict.fromkeys(PERCENTILES, 0.0)
        return {**zeros, "count": count, "total_sum": 0.0, "percentiles": places, "pdf": None}
    values, inverse = np.unique(values, return_inverse=True)
    shares = np.bincount(inverse, weights) / weights.sum()
    values, shares = values[shares > 0], shares[shares > 0]
    mean = float((values * shares).sum())
    variance = float(((values - mean) ** 2 * shares).sum())
    at = np.minimum(np.searchsorted(np.cumsum(shares), list(PERCENTILES.values())), len(values) - 1)
    places = dict(zip(PERCENTILES, values[at].tolist(), strict=True))
    return {
        "mean": mean,
        "median": places["p50"],
        "mode": float(values[shares.argmax()]),
        "variance": variance,
        "std_dev": math.sqrt(variance),
        "min": float(values[0]),
        "max": float(values[-1]),
        "count": count,
        "total_sum": mean * count,
        "percentiles": places,
        "pdf": None,
    }


def rate(times: Any, weights: Any, start: float, end: float) -> dict[str, Any]:
    """DistributionSummary.rate_distribution_from_timings."""
    times = np.concatenate([[start], times, [end]])
    times, inverse = np.unique(times, return_inverse=True)
    events = np.bincount(inverse, np.concatenate([[0.0], weights, [0.0]]))
    middle = (times[1:] + times[:-1]) / 2
    spans = np.diff(np.concatenate([times[:1], middle, times[-1:]]))
    spans[-1] = max(spans[-1], 1e-6)
    return distribution(events / spans, spans, round(sum(weights)))


def concurrency(pairs: list[tuple[float, float]], start: float, end: float) -> dict[str, Any]:
    """DistributionSummary.concurrency_distribution_from_timings."""
    changes = [(start, 0), *((a, 1) for a, _ in pairs), *((b, -1) for _, b in pairs), (end, 0)]
    times, steps = np.array(sorted(changes)).T
    return distribution(np.cumsum(steps)[:-1], np.diff(times), len(pairs))


def statuses(successful: dict[str, Any]) -> dict[str, Any]:
    """StatusDistributionSummary of a run in which nothing failed."""
    nothing = distribution([])
    return {
        "successful": successful,
        "errored": nothing,
        "incomplete": nothing,
        "total": successful,
    }


def row(request: Request, number: int) -> dict[str, Any]:
    """GenerativeRequestStats of one request."""
    at, n = request.text_at, request.decoded
    first, last = (float(at[0]), float(at[-1])) if at.size else (None, None)
    sent, end = request.sent, request.done
    return {
        "type_": "generative_request_stats",
        "request_id": f"{number:08x}",
        "response_id": f"cmpl-{number:08x}",
        "request_args": "{}",
        "output": text(request.visible, number),
        "reasoning_output": None,
        "tool_calls": None,
        "info": {
            "request_id": f"{number:08x}",
            "status": "completed",
            "error": None,
            "timings": {
                "resolve_start": EPOCH + sent,
                "request_start": EPOCH + sent,
                "first_request_iteration": first and EPOCH + first,
                "first_token_iteration": first and EPOCH + first,
                "first_output_token_iteration": first and EPOCH + first,
                "last_token_iteration": last and EPOCH + last,
                "last_request_iteration": EPOCH + end,
                "request_iterations": len(request.at) + 2,
                "token_iterations": len(at),
                "request_end": EPOCH + end,
                "resolve_end": EPOCH + end + 1e-4,
            },
        },
        "input_metrics": {"text_tokens": request.prompt},
        "output_metrics": {"text_tokens": n},
        "request_start_time": EPOCH + sent,
        "request_end_time": EPOCH + end,
        "request_latency": end - sent,
        "prompt_tokens": request.prompt,
        "output_tokens": n,
        "total_tokens": request.prompt + n,
        "time_to_first_token_ms": None if first is None else 1000 * (first - sent),
        "time_to_first_output_token_ms": None if first is None else 1000 * (first - sent),
        "time_per_output_token_ms": 1000 * ((end if last is None else last) - sent) / n,
        "inter_token_latency_ms": 1000 * (last - first) / (n - 1)
        if first is not None and last is not None and n > 1
        else None,
        "tokens_per_second": (request.prompt + n) / (end - sent),
        "output_tokens_per_second": n / (end - sent),
        "iter_tokens_per_iteration": (n - 1) / (len(at) - 1) if n > 1 and len(at) > 1 else None,
        "output_tokens_per_iteration": n / len(at) if at.size else None,
    }


def metrics(served: Served, start: float, end: float) -> dict[str, Any]:
    """GenerativeMetrics of the requests in the window; None in a row counts as 0."""
    rows = [row(request, i) for i, request in enumerate(served.measured)]
    n = np.array([r["output_tokens"] for r in rows])

    def plain(key: str) -> dict[str, Any]:
        return statuses(distribution([r[key] or 0.0 for r in rows]))

    def weighted(key: str, weights: Any) -> dict[str, Any]:
        return statuses(distribution([r[key] or 0.0 for r in rows], weights))

    first, prompts = [], []
    at, tokens = [], []
    for request, made in zip(served.measured, rows, strict=True):
        times = request.text_at
        first.append(float(times[0]) if times.size else request.done)
        prompts.append(request.prompt)
        if len(times) > 1:
            # evenly, as the tool keeps no time between the first and the last
            at += np.linspace(times[0], times[-1], len(times)).tolist()
            tokens += [1.0] + [made["iter_tokens_per_iteration"] or 0.0] * (len(times) - 1)
        else:
            at.append(float(times[-1]) if times.size else request.done)
            tokens.append(float(request.decoded))
    ends = [request.done for request in served.measured]
    outputs = rate(at, tokens, min(at), max(at))
    return {
        "request_totals": {
            "successful": len(rows),
            "errored": 0,
            "incomplete": 0,
            "total": len(rows),
        },
        "requests_per_second": statuses(rate(ends, np.ones(len(ends)), start, end)),
        "request_concurrency": statuses(
            concurrency([(r.sent, r.done) for r in served.measured], start, end)
        ),
        "request_latency": plain("request_latency"),
        "prompt_token_count": plain("prompt_tokens"),
        "output_token_count": plain("output_tokens"),
        "total_token_count": plain("total_tokens"),
        "time_to_first_token_ms": plain("time_to_first_token_ms"),
        "time_to_first_output_token_ms": plain("time_to_first_output_token_ms"),
        "time_per_output_token_ms": weighted("time_per_output_token_ms", n),
        "inter_token_latency_ms": weighted("inter_token_latency_ms", n - 1),
        "prompt_tokens_per_second": statuses(rate(first, prompts, min(first), max(first))),
        "output_tokens_per_second": statuses(outputs),
        "tokens_per_second": statuses(rate(first + at, prompts + tokens, min(first), max(at))),
        "output_tokens_per_iteration": statuses(distribution(tokens)),
        "iter_tokens_per_iteration": statuses(
            distribution(
                [
                    r["iter_tokens_per_iteration"]
                    for r in rows
                    if r["iter_tokens_per_iteration"] is not None
                ]
            )
        ),
    }


def report(served: Served, with_requests: bool) -> dict[str, Any]:
    """The whole file: one benchmark."""
    asked = served.scenario
    start, end = min(r.sent for r in served.measured), served.duration
    backend = {"kind": "openai_http", "model": "some/model", "stream": True}
    strategy: dict[str, Any] = {"type_": "throughput", "max_concurrency": None}
    if asked.concurrency is not None:
        strategy = {"type_": "concurrent", "streams": asked.concurrency}
    elif math.isfinite(asked.rate):
        strategy = {"type_": "poisson", "rate": asked.rate, "max_concurrency": 10240}
    warmup = len(served.requests) - len(served.measured)
    listed = served.requests if with_requests else ()
    return {
        "metadata": {"version": 2, "guidellm_version": "0.8.0", "python_version": "3.12.8"},
        "config": {
            "spec": {
                "backend": backend,
                "tokenizer": {"kind": "huggingface_auto", "model": "some/model"},
                "data": [_data(served)],
            }
        },
        "benchmarks": [
            {
                "type_": "generative_benchmark",
                "config": {
                    "run_index": 0,
                    "strategy": strategy,
                    "warmup": {"value": warmup or None, "percent": None},
                    "cooldown": {"value": None, "percent": None},
                    "backend": backend,
                },
                "scheduler_state": {"start_time": EPOCH - 1, "end_time": EPOCH + end},
                "scheduler_metrics": {
                    "start_time": EPOCH - 1,
                    "request_start_time": EPOCH + min(r.sent for r in served.requests),
                    "measure_start_time": EPOCH + start,
                    "measure_end_time": EPOCH + end,
                    "request_end_time": EPOCH + max(r.done for r in served.requests),
                    "end_time": EPOCH + end,
                    "requests_made": {
                        "successful": len(served.requests),
                        "errored": 0,
                        "incomplete": 0,
                        "total": len(served.requests),
                    },
                },
                "metrics": metrics(served, start, end),
                "requests": {
                    "successful": [row(request, i) for i, request in enumerate(listed)],
                    "errored": [],
                    "incomplete": [],
                    "total": None,
                },
                "start_time": EPOCH + start,
                "end_time": EPOCH + end,
                "duration": end - start,
                "warmup_duration": start - min(r.sent for r in served.requests),
                "cooldown_duration": 0.0,
            }
        ],
    }


def _data(served: Served) -> dict[str, Any]:
    """Synthetic lengths are one number, or drawn between two; a data set's are its own."""
    if served.scenario.lengths == "log-normal":
        return {"kind": "huggingface", "source": "some/dataset"}
    prompts, asked = served.scenario.prompts, [r.asked for r in served.measured]
    given: dict[str, Any] = {"kind": "synthetic_text"}
    for name, lengths in (("prompt_tokens", prompts), ("output_tokens", asked)):
        several = min(lengths) < max(lengths)
        given |= {
            name: round(float(np.mean(lengths))),
            f"{name}_stdev": None,
            f"{name}_min": int(min(lengths)) if several else None,
            f"{name}_max": int(max(lengths)) if several else None,
        }
    return given


SHAPES = {
    "guidellm": Shape("guidellm.json", lambda served: dumped(report(served, False))),
    "guidellm-requests": Shape("guidellm.json", lambda served: dumped(report(served, True))),
}
