"""Result files with the exact keys of the tools, small enough to cut at every byte."""

import json
from pathlib import Path

import pytest

from truetpot.serving.readers import read

FIXTURES = Path(__file__).parents[3].parent / "shared" / "fixtures" / "serving"


def fixture(name):
    """A real file, which other people's tools wrote."""
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


def read_bytes(folder, data):
    path = folder / "result"
    path.write_bytes(data)
    return read(path)


def read_json(folder, value):
    return read_bytes(folder, json.dumps(value).encode())


def figures(run):
    """By metric and statistic."""
    found = {(f.metric, f.statistic): f.value for f in run.figures}
    assert len(found) == len(run.figures), "a statistic twice"
    return found


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def table(unit, **statistics):
    return {"unit": unit, **statistics}


# AIPerf: docs/tutorials/working-with-profile-exports.md, docs/reference/json-export-schema.md


def aiperf_record(start_ns=1_759_813_207_532_900_363, phase="profiling", error=None, **metrics):
    """A line of profile_export.jsonl; ``ttft=(255.0, "ms")`` gives a value with its unit."""
    metadata = {
        "session_num": 45,
        "x_request_id": "7609a2e7",
        "turn_index": 0,
        "request_start_ns": start_ns,
        "request_ack_ns": None,
        "request_end_ns": start_ns + 300_000_000,
        "worker_id": "worker_359d423a",
        "record_processor_id": "record_processor_1fa47cd7",
        "benchmark_phase": phase,
        "was_cancelled": False,
        "cancellation_time_ns": None,
    }
    values = {name: {"value": value, "unit": unit} for name, (value, unit) in metrics.items()}
    return {"metadata": metadata, "metrics": values, "error": error}


def aiperf_lines():
    return lines(
        aiperf_record(
            input_sequence_length=(550, "tokens"),
            time_to_first_token=(255.886568, "ms"),
            request_latency=(297.525228, "ms"),
            output_sequence_length=(9, "tokens"),
            usage_completion_tokens=(11, "tokens"),
            inter_token_latency=(5.2048325, "ms"),
            inter_chunk_latency=([4.898437, 5.316006, 31.424217], "ms"),
        ),
        aiperf_record(
            start_ns=1_759_813_207_632_900_363,
            error={"code": 499, "type": "RequestCancellationError", "message": "was cancelled"},
            error_isl=(551, "tokens"),
        ),
    )


def aiperf_summary(**more):
    return {
        "schema_version": "1.3",
        "aiperf_version": "0.5.0",
        "time_to_first_token": table(
            "ms", avg=195.5, min=11.0, max=400.0, p1=12.0, p50=190.0, p99=390.5, std=20.25
        ),
        "inter_token_latency": table("ms", avg=31.0, p50=30.5),
        "inter_chunk_latency": table("ms", avg=62.0, p50=61.0),
        "request_latency": table("ms", avg=2620.71, p99=3371.24),
        "request_count": table("requests", avg=20.0),
        "error_request_count": table("requests", avg=1.0),
        "benchmark_duration": table("sec", avg=12.5),
        "request_throughput": table("requests/sec", avg=1.6),
        "output_token_throughput": table("tokens/sec", avg=160.0),
        "total_token_throughput": table("tokens/sec", avg=960.0),
        "effective_concurrency": table("requests", avg=3.9),
        "output_sequence_length": table("tokens", avg=100.0),
        "input_sequence_length": table("tokens", avg=500.0),
        "total_osl": table("tokens", avg=2000.0),
        "total_isl": table("tokens", avg=10000.0),
        "input_config": {
            "endpoint": {"model_names": ["qwq-32b"], "streaming": True},
            "tokenizer": {"name": "Qwen/QwQ-32B"},
            "loadgen": {"concurrency": 4, "request_rate": None},
            "input": {"prompt": {"input_tokens": {"mean": 500}, "output_tokens": {"mean": 100}}},
        },
        "was_cancelled": False,
        "error_summary": [],
        "start_time": "2026-06-17T16:08:57.327203",
        **more,
    }


# GenAI-Perf: perf_analyzer src/profile_data_exporter.cc, genai_perf export_data/json_exporter.py


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


# guidellm: src/guidellm/schemas/request_stats.py


def guidellm_request(**more):
    return {
        "type_": "generative_request_stats",
        "output": "Well, then",
        "info": {
            "status": "completed",
            "error": None,
            "timings": {
                "request_start": 1000.25,
                "first_token_iteration": 1000.75,
                "last_token_iteration": 1002.75,
                "token_iterations": 5,
                "request_end": 1003.0,
            },
        },
        "request_latency": 2.75,
        "prompt_tokens": 32,
        "output_tokens": 9,
        "time_to_first_token_ms": 500.0,
        **more,
    }


def guidellm_report(successful=(), errored=()):
    times = {"mean": 12.5, "median": 12.0, "std_dev": 0.5, "min": 1.0, "max": 20.0}
    distribution = {
        **times,
        "count": 2,
        "total_sum": 25.0,
        "percentiles": {"p001": 1.0, "p999": 19},
    }
    of_status = {"successful": distribution, "errored": {"mean": 0.0}, "total": distribution}
    keys = ("time_to_first_token_ms", "time_per_output_token_ms", "inter_token_latency_ms")
    keys += ("request_latency", "output_token_count", "prompt_token_count", "request_concurrency")
    benchmark = {
        "type_": "generative_benchmark",
        "config": {"strategy": {"type_": "concurrent", "streams": 4}, "backend": {"model": "m"}},
        "scheduler_state": {},
        "metrics": {
            "request_totals": {"successful": 2, "errored": 1, "incomplete": 0, "total": 3},
            **dict.fromkeys(keys, of_status),
        },
        "requests": {"successful": list(successful), "errored": list(errored), "incomplete": []},
        "start_time": 1000.0,
        "duration": 5.5,
    }
    metadata = {"version": 2, "guidellm_version": "0.8.0"}
    return {"metadata": metadata, "config": {}, "benchmarks": [benchmark]}


# inference-perf: inference_perf/reportgen/base.py


def inference_perf_report():
    numbers = {"mean": 0.25, "min": 0.1, "p0.1": 0.1, "median": 0.2, "p99.9": 0.9, "max": 1.0}
    keys = ("request_latency", "normalized_time_per_output_token", "time_per_output_token")
    keys += ("time_to_first_token", "inter_token_latency")
    return {
        "benchmark_time_seconds": 12.5,
        "load_summary": {"count": 11, "requested_rate": 2.0, "concurrency": 3},
        "successes": {
            "count": 10,
            "latency": dict.fromkeys(keys, numbers),
            "throughput": {
                "input_tokens_per_sec": 80.0,
                "output_tokens_per_sec": 40.0,
                "total_tokens_per_sec": 120.0,
                "requests_per_sec": 0.8,
            },
            "prompt_tokens": {"total": 1000.0, "mean": 100.0},
            "output_len": {"mean": 50.0},
            "output_tokens": {"total": 512.0, "mean": 51.2},
            "token_count_mismatches": 10,
        },
        "failures": {"count": 1, "request_latency": None, "by_label": {}},
    }


def inference_perf_rows():
    """One of the present form, one of the first."""
    response = {
        "output_tokens": 4,
        "server_usage": {"prompt_tokens": 7, "completion_tokens": 5},
        "chunk_times": [10.5, 11.0],
        "output_token_times": [10.5, 10.5, 11.0, 11.25],
    }
    now = {
        "start_time": 10.0,
        "end_time": 11.5,
        "request": "{}",
        "response": "x",
        "info": {"request_metrics": {"text": {"input_tokens": 7}}, "response_metrics": response},
        "error": None,
    }
    failed = {
        "start_time": 10.25,
        "end_time": 10.5,
        "info": {"request_metrics": {"text": {"input_tokens": 8}}, "response_metrics": None},
        "error": {"error_type": "HTTP Error 500", "error_msg": "oh"},
    }
    return [now, failed]


# MLPerf: loadgen/results.cc LogSummary


def mlperf_summary(scenario="Server"):
    return f"""================================================
MLPerf Results Summary
================================================
SUT name : PySUT
Scenario : {scenario}
Mode     : PerformanceOnly
Completed samples per second    : 29.41
Completed tokens per second: 8840.42
Result is : VALID

================================================
Additional Stats
================================================
Mean latency (ns)               : 9716742157
99.90 percentile latency (ns)   : 33399939469

Mean First Token latency (ns)               : 201330486
50.00 percentile first token latency (ns)   : 198602240

Min Time to Output Token (ns)                : -22931448
Mean Time to Output Token (ns)               : 32102490
99.00 percentile time to output token (ns)   : 39507635

================================================
Test Parameters Used
================================================
samples_per_query : 1
target_qps : 29.5
ttft_latency (ns): 450000000

No warnings encountered during test.
""".encode()


# llama.cpp: tools/llama-bench/llama-bench.cpp, tools/server/server-task.cpp


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


# ipex-llm: python/llm/dev/benchmark/all-in-one/run.py, docker/.../vllm_online_benchmark.py

ALL_IN_ONE_HEADER = (
    ",model,1st token avg latency (ms),2+ avg latency (ms/token),encoder time (ms),"
    "input/output tokens,batch_size,actual input/output tokens,num_beams,low_bit,cpu_embedding,"
    "model loading time (s),peak mem (GB),streaming,use_fp16_torch_dtype,npu_group_size\r\n"
)


def all_in_one_csv(*rows):
    given = rows or (
        "0,Qwen/QwQ-32B,1851.07,33.25,0.0,1024-128,1,1024-128,1,sym_int4,False,30.1,17.2,N/A,N/A,N/A",
        "1,Qwen/QwQ-32B,1851.5,33.5,0.0,1024-1024,2,1024-191,1,sym_int4,False,30.1,17.2,N/A,N/A,N/A",
    )
    return (ALL_IN_ONE_HEADER + "".join(row + "\r\n" for row in given)).encode()


def online_log(seconds="243.125"):
    return f"""running bench.py
model_name: Qwen1.5-14B-Chat
max_seq: 12
Warm Up: 100%|#####| 24/24 [01:36<00:00,  4.03s/req]
Request failed: 500 Server Error
Benchmarking: 100%|#####| 60/60 [04:03<00:00,  4.05s/req]
Total time for 60 requests with 12 concurrent requests: {seconds} seconds.
Average responce time: 47.6375
Token throughput: {60 * 512 / 243.125}

Average first token latency: 2300.7708935313076 milliseconds.
P90 first token latency: 3740.910985499977 milliseconds.
P95 first token latency: 3742.0932860004996 milliseconds.

Average next token latency: 60.306824265625 milliseconds.
P90 next token latency: 62.515494169413195 milliseconds.
P95 next token latency: nan milliseconds.

""".encode()


# inference-benchmarker src/writers.rs; llmperf token_benchmark_ray.py


def benchmarker_report():
    times = {"p50": 30.5, "p60": 31.0, "p99": 45.25, "avg": 32.0}
    result = {
        "id": "constant@2.00req/s",
        "executor_type": "ConstantArrivalRate",
        "config": {"max_vus": 128, "duration": {"secs": 120, "nanos": 0}, "rate": 2.0},
        "total_requests": 240,
        "total_tokens": 48000,
        "token_throughput_secs": 400.0,
        "duration_ms": 120500,
        "time_to_first_token_ms": times,
        "inter_token_latency_ms": times,
        "failed_requests": 2,
        "successful_requests": 238,
        "request_rate": 1.98,
        "total_tokens_sent": 47600,
        "e2e_latency_ms": times,
    }
    return {
        "config": {
            "model_name": "llama",
            "tokenizer": "meta/llama",
            "decode_options": {"num_tokens": 200, "min_tokens": 200},
            "prompt_options": {"num_tokens": 200},
        },
        "results": [{**result, "id": "warmup"}, result],
        "start_time": "2026-01-01T00:00:00+00:00",
        "end_time": "2026-01-01T00:02:00+00:00",
        "system": {"cpu": []},
    }


def llmperf_rows():
    good = {
        "error_code": None,
        "error_msg": "",
        "inter_token_latency_s": 0.02,
        "ttft_s": 0.5,
        "end_to_end_latency_s": 2.0,
        "request_output_throughput_token_per_s": 50.0,
        "number_total_tokens": 650,
        "number_output_tokens": 100,
        "number_input_tokens": 550,
    }
    bad = {**good, "error_code": 429, "error_msg": "Too many", "number_output_tokens": 0}
    return [good, bad]


def llmperf_summary():
    names = ("inter_token_latency_s", "ttft_s", "end_to_end_latency_s")
    suffixes = ("quantiles_p25", "quantiles_p50", "quantiles_p99", "mean", "min", "max", "stddev")
    return {
        "version": "2023-08-31",
        "name": "m_550_150_summary",
        "model": "m",
        "mean_input_tokens": 550,
        "mean_output_tokens": 150,
        "num_concurrent_requests": 2,
        **{
            f"results_{name}_{suffix}": 0.5 * (i + 1) + j
            for i, name in enumerate(names)
            for j, suffix in enumerate(suffixes)
        },
        "results_num_requests_started": 12,
        "results_number_errors": 1,
        "results_mean_output_throughput_token_per_s": 42.5,
        "results_num_completed_requests": 11,
        "results_num_completed_requests_per_min": 33.0,
        "timestamp": 1700000000,
    }


# Older forms


def aiperf_of_2025():
    """The metrics were under "records", and there were no sums of tokens."""
    given = aiperf_summary()
    names = [key for key, value in given.items() if isinstance(value, dict) and "unit" in value]
    tables = {name: given.pop(name) for name in names}
    records = {name: table for name, table in tables.items() if not name.startswith("total_")}
    del given["schema_version"], given["aiperf_version"]
    return {"records": records, **given}


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


def inference_perf_of_messages():
    given = inference_perf_report()
    del given["benchmark_time_seconds"], given["successes"]["output_tokens"]
    return given


def inference_perf_of_server():
    percentiles = {"mean": 0.02, "median": 0.01, "p99": 0.05}
    successes = {"count": 5, "rate": 0.5, "time_per_output_token": percentiles}
    return {
        "benchmark_time_seconds": 0.0,
        "load_summary": {},
        "successes": successes,
        "failures": {},
    }


def inference_perf_first_rows():
    info = {"input_tokens": 7, "output_tokens": 2, "output_token_times": [10.5, 10.75, 11.5]}
    return [{**inference_perf_rows()[0], "info": info}]


def _json(value):
    return json.dumps(value).encode()


SEEDS = {
    "aiperf_lines": aiperf_lines(),
    "aiperf_summary": _json(aiperf_summary()),
    "aiperf_of_2025": _json(aiperf_of_2025()),
    "genai_perf_raw": _json(genai_perf_small()),
    "genai_perf_triton": _json(genai_perf_triton()),
    "genai_perf_summary": _json(genai_perf_summary()),
    "guidellm": _json(guidellm_report([guidellm_request()], [guidellm_request()])),
    "inference_perf": _json(inference_perf_report()),
    "inference_perf_of_messages": _json(inference_perf_of_messages()),
    "inference_perf_of_server": _json(inference_perf_of_server()),
    "inference_perf_rows": _json(inference_perf_rows()),
    "inference_perf_first_rows": _json(inference_perf_first_rows()),
    "mlperf_loadgen": mlperf_summary(),
    "llama_bench": _json([llama_bench_test(), llama_bench_test(512, 0)]),
    "llama_bench_lines": lines(llama_bench_test(), llama_bench_test(512, 128)),
    "llama_server": _json(llama_server_answer()),
    "llama_server_lines": lines(llama_server_answer(), llama_server_answer(predicted_n=4)),
    "ipex_llm_all_in_one": all_in_one_csv(),
    "ipex_llm_online": online_log(),
    "inference_benchmarker": _json(benchmarker_report()),
    "llmperf": _json(llmperf_summary()),
    "llmperf_rows": _json(llmperf_rows()),
}
"""One of each, for cutting and for fuzzing."""
