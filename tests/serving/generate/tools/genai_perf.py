"""NVIDIA GenAI-Perf: its summary, and the raw export that the summary is made from.

triton-inference-server/perf_analyzer 00168fe genai-perf/genai_perf/profile_data_parser/
llm_profile_data_parser.py _parse_requests (a message without text is dropped, the text is tokenised
again, the duration ends with the last message) and export_data/json_exporter.py; the raw file:
src/profile_data_exporter.cc.
"""

from __future__ import annotations

import json
import math
from typing import Any

from tests.serving.generate.figures import dumped, summary, text
from tests.serving.generate.served import Request, Served
from tests.serving.generate.shape import Load, Shape

EPOCH_NS = 1_786_678_148_250_000_000
PERCENTILES = (25, 50, 75, 90, 95, 99)


def table(unit: str, values: list[float]) -> dict[str, Any]:
    """A metric's statistics."""
    found = summary(values, PERCENTILES)
    places = {f"p{p}": found[f"p{p}"] for p in PERCENTILES}
    ends = {key: found[key] for key in ("min", "max", "std")}
    return {"unit": unit, "avg": found["mean"], **places, **ends}


def export(served: Served) -> dict[str, Any]:
    """``profile_export_genai_perf.json``."""
    asked = served.scenario
    rows = [r for r in served.measured if r.text_at.size]
    n = [r.visible for r in rows]
    ns = [(_ns(r.text_at[0] - r.sent), _ns(r.text_at[-1] - r.sent)) for r in rows]
    took = max(r.text_at[-1] for r in rows) - min(r.sent for r in rows)
    itl = [round((b - a) / (k - 1)) for (a, b), k in zip(ns, n, strict=True) if k > 1]
    second = [_ns(r.text_at[1] - r.text_at[0]) for r in rows if r.text_at.size > 1]
    per_user = [1e9 / gap for gap in itl if gap]
    return {
        "request_throughput": {"unit": "requests/sec", "avg": len(rows) / took},
        "request_latency": table("ms", [b / 1e6 for _, b in ns]),
        "request_count": {"unit": "count", "avg": float(len(rows))},
        "time_to_first_token": table("ms", [a / 1e6 for a, _ in ns]),
        "time_to_second_token": table("ms", [gap / 1e6 for gap in second]),
        "inter_token_latency": table("ms", [gap / 1e6 for gap in itl]),
        "output_token_throughput": {"unit": "tokens/sec", "avg": sum(n) / took},
        "output_token_throughput_per_user": table("tokens/sec/user", per_user),
        "output_sequence_length": table("tokens", [float(k) for k in n]),
        "input_sequence_length": table("tokens", [float(r.prompt) for r in rows]),
        "input_config": {
            "model": ["some/model"],
            "concurrency": asked.concurrency,
            "request_rate": None if math.isinf(asked.rate) else asked.rate,
            "output_tokens_mean": rows[0].asked if asked.lengths == "fixed" else -1,
            "output_tokens_stddev": 0,
            "synthetic_input_tokens_mean": round(float(asked.prompts.mean())),
            "streaming": True,
            "tokenizer": "some/model",
            "extra_inputs": {"ignore_eos": True} if asked.lengths == "fixed" else {},
        },
    }


def raw(served: Served) -> dict[str, Any]:
    """``profile_export.json``: the first message names the role, the last is ``[DONE]``."""
    return {
        "experiments": [
            {
                "experiment": {
                    "mode": "concurrency",
                    "value": served.scenario.concurrency or len(served.requests),
                },
                "requests": [_raw_request(r, i) for i, r in enumerate(served.measured)],
                "window_boundaries": [EPOCH_NS, EPOCH_NS + _ns(served.duration)],
            }
        ],
        "version": "2.59.0",
        "service_kind": "openai",
        "endpoint": "v1/chat/completions",
    }


def _raw_request(request: Request, number: int) -> dict[str, Any]:
    words = text(request.visible, number).split(" ")[1:]
    stamps, events, used = [request.at[0] - 1e-6], [_event({"role": "assistant"})], 0
    for at, shown in zip(request.at, request.shown.tolist(), strict=True):
        stamps.append(at)
        content = "".join(f" {word}" for word in words[used : used + shown])
        events.append(_event({"content": content}))
        used += shown
    finish = "length" if request.decoded >= request.asked else "stop"
    events.append(_event({}, finish))
    stamps.append(request.done)
    stamps.append(request.done)
    payload = {
        "model": "some/model",
        "messages": [{"role": "user", "content": text(request.prompt)}],
        "stream": True,
        "max_tokens": request.asked,
    }
    return {
        "timestamp": EPOCH_NS + _ns(request.sent),
        "request_inputs": {"payload": json.dumps(payload)},
        "response_timestamps": [EPOCH_NS + _ns(at) for at in stamps],
        "response_outputs": [{"response": e} for e in [*events, "data: [DONE]\n\n"]],
    }


def _event(delta: dict[str, Any], finish: str | None = None) -> str:
    chunk = {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(chunk)}\n\n"


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


SHAPES = {
    "genai-perf": Shape("profile_export_genai_perf.json", lambda served: dumped(export(served))),
    "genai-perf-raw": Shape("profile_export.json", lambda s: dumped(raw(s)), Load.CLOSED),
}
