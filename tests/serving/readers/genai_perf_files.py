"""Small files with GenAI-Perf's keys.

From perf_analyzer's src/profile_data_exporter.cc and genai_perf's export_data/json_exporter.py.
"""

import json

from tests.serving.readers.files import dumped, table


def sse(text, finish=None, **more):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return (
        "data: "
        + json.dumps({"object": "chat.completion.chunk", "choices": [choice], **more})
        + "\n\n"
    )


def genai_perf_request(sent, stamps, responses, **asked):
    payload = {"model": "qwq-32b", "messages": [{"role": "user", "content": "Hi"}], **asked}
    return {
        "timestamp": sent,
        "request_inputs": {"payload": json.dumps(payload)},
        "response_timestamps": stamps,
        "response_outputs": [{"response": response} for response in responses],
    }


def genai_perf_raw(*requests, mode="concurrency", value=2):
    experiment = {
        "experiment": {"mode": mode, "value": value},
        "requests": list(requests),
        "window_boundaries": [1, 2],
    }
    return {
        "experiments": [experiment],
        "version": "2.59.0",
        "service_kind": "openai",
        "endpoint": "v1/chat/completions",
    }


def genai_perf_small():
    return genai_perf_raw(
        genai_perf_request(
            10**18,
            [10**18 + n for n in (5_000_000, 100_000_000, 130_000_000, 165_000_000, 170_000_000)],
            [sse(None), sse("A"), sse(" b"), sse("c", "stop"), "data: [DONE]\n\n"],
            max_tokens=8,
        ),
        genai_perf_request(10**18 + 50_000_000, [], []),
    )


def genai_perf_summary(**more):
    return {
        "request_throughput": table("requests/sec", avg=7.5),
        "request_latency": table("ms", avg=1000.0, p50=990.0, p99=1500.0, std=3.0),
        "request_count": table("count", avg=40.0),
        "time_to_first_token": table("ms", avg=50.0, p25=45.0, min=40.0, max=60.0),
        "inter_token_latency": table("ms", avg=9.5, p50=9.25, p90=12.0),
        "output_token_throughput": table("tokens/sec", avg=750.0),
        "output_sequence_length": table("tokens", avg=100.5),
        "input_sequence_length": table("tokens", avg=550.0),
        "input_config": {
            "model": ["qwq-32b"],
            "concurrency": 8,
            "request_rate": None,
            "output_tokens_mean": -1,
            "synthetic_input_tokens_mean": 550,
            "streaming": True,
            "tokenizer": "Qwen/QwQ-32B",
            "extra_inputs": {"max_tokens": 256, "ignore_eos": True},
        },
        **more,
    }


def genai_perf_triton():
    outputs = [{"text_output": "a"}, {"text_output": ""}, {"output_ids": [7, 8]}]
    request = {
        "timestamp": 10**18,
        "request_inputs": {"text_input": "Hi"},
        "response_timestamps": [10**18 + 10**7 * i for i in (1, 2, 3)],
    }
    given = genai_perf_raw(
        {**request, "response_outputs": outputs[:2] + outputs[:1]},
        {**request, "response_outputs": outputs[2:] * 3},
    )
    return {**given, "service_kind": "triton"}


SEEDS = {
    "genai_perf_raw": dumped(genai_perf_small()),
    "genai_perf_triton": dumped(genai_perf_triton()),
    "genai_perf_summary": dumped(genai_perf_summary()),
}
