"""The client of the founding case: vLLM's of v0.6.6.post1, in how it counts and what it writes.

``benchmarks/backend_request_func.py`` and ``benchmark_serving.py`` of that version: a message
without text is passed over, the clock runs to the end of the stream, the text is tokenised again,
and a request's time per token is the time after its first text over those tokens less one.
"""

import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np


@dataclass
class Output:
    """What it keeps of a request, in seconds since it was sent."""

    prompt: int
    text: str
    ttft: float
    itl: list
    latency: float
    tokens: int


def ask(url, model, prompt, length, tokenizer, extra):
    """One streamed request."""
    at = urlsplit(url)
    client = HTTPConnection(at.hostname, at.port, timeout=300)
    body = {"model": model, "prompt": prompt, "max_tokens": length, "temperature": 0.0}
    sent = time.perf_counter()
    client.request(
        "POST", "/v1/completions", json.dumps({**body, "stream": True, **extra}),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    answer = client.getresponse()
    assert answer.status == 200, answer.read()
    text, times = "", []
    for line in answer:
        data = line.decode().strip().removeprefix("data: ")
        if not data or data == "[DONE]":
            continue
        choices = json.loads(data).get("choices")
        if choices and choices[0].get("text"):
            times.append(time.perf_counter() - sent)
            text += choices[0]["text"]
    latency = time.perf_counter() - sent
    client.close()
    assert times, "it calls such a request failed, and leaves it out"
    gaps = np.diff(times).tolist()
    counted = len(tokenizer.plain(text))
    return Output(tokenizer.count(prompt), text, times[0], gaps, latency, counted)


def per_token_s(output):
    """As it divides; None for a request that it leaves out of its mean."""
    return (output.latency - output.ttft) / (output.tokens - 1) if output.tokens > 1 else None


def result(outputs, took):
    """The file of ``--save-result``, with the lists of ``--save-detailed``."""
    values = {
        "ttft": [one.ttft for one in outputs],
        "tpot": [s for one in outputs if (s := per_token_s(one)) is not None],
        "itl": [gap for one in outputs for gap in one.itl],
    }
    total_in, total_out = (sum(getattr(o, name) for o in outputs) for name in ("prompt", "tokens"))
    found = {
        "date": "20250416-101500", "backend": "vllm", "model_id": "model",
        "tokenizer_id": "model", "best_of": 1, "num_prompts": len(outputs), "request_rate": "inf",
        "burstiness": 1.0, "max_concurrency": 1, "duration": took, "completed": len(outputs),
        "total_input_tokens": total_in, "total_output_tokens": total_out,
        "request_throughput": len(outputs) / took, "request_goodput:": None,
        "output_throughput": total_out / took,
        "total_token_throughput": (total_in + total_out) / took,
        "input_lens": [one.prompt for one in outputs],
        "output_lens": [one.tokens for one in outputs],
        "ttfts": values["ttft"], "itls": [one.itl for one in outputs],
        "generated_texts": [one.text for one in outputs], "errors": [""] * len(outputs),
    }  # fmt: skip
    for metric, seconds in values.items():
        ms = np.array(seconds) * 1e3
        found |= {
            f"mean_{metric}_ms": float(ms.mean()), f"median_{metric}_ms": float(np.median(ms)),
            f"std_{metric}_ms": float(ms.std()), f"p99_{metric}_ms": float(np.percentile(ms, 99)),
        }  # fmt: skip
    return found


def run(url, model, prompts, length, tokenizer, extra, file):
    """All requests, one after another; writes the file and returns what was kept."""
    start = time.perf_counter()
    outputs = [ask(url, model, prompt, length, tokenizer, extra) for prompt in prompts]
    file.write_text(json.dumps(result(outputs, time.perf_counter() - start)))
    return outputs
