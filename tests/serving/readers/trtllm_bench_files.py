"""trtllm-bench's report as JSON and as it is printed: reporting.py of TensorRT-LLM.

``PRINTED`` has the overview of a run that was published in 2026: 100 requests of 128 tokens.
"""

from tests.serving.readers.files import dumped


def statistics(average, low, high):
    return {"p50": average, "p90": high, "p95": high, "p99": high, "minimum": low} | {
        "maximum": high,
        "average": average,
    }


def report(**more):
    """20 requests of 101 tokens: 100 ms to the first, then 20 ms each."""
    return {
        "engine": {
            "model": "Qwen/QwQ-32B",
            "model_path": "None",
            "engine_dir": "None",
            "version": "1.2.0",
            "backend": "Pytorch",
            "dtype": "bfloat16",
            "kv_cache_dtype": "FP8",
            "quantization": None,
        },
        "machine": {"name": "NVIDIA H200", "memory.total": 139.8, "clocks.mem": 3.2},
        "world_info": {"tp_size": 2, "pp_size": 1, "world_size": 2, "max_batch_size": 64},
        "request_info": {
            "num_requests": 20,
            "avg_num_concurrent_requests": 4.2,
            "avg_input_length": 100.0,
            "avg_output_length": 101.0,
        },
        "performance": {
            "total_latency_ms": 10000.0,
            "avg_request_latency_ms": 2100.0,
            "request_throughput_req_s": 2.0,
            "system_output_throughput_tok_s": 202.0,
            "system_total_throughput_tok_s": 402.0,
            "request_latency_percentiles_ms": statistics(2100.0, 2000.0, 2200.0),
        },
        "streaming_metrics": {
            "token_output_speed_tok_s": 50.0,
            "avg_ttft_ms": 100.0,
            "avg_tpot_ms": 20.0,
            "tpot_percentiles": statistics(20.0, 19.0, 21.0),
            "ttft_percentiles": statistics(100.0, 90.0, 110.0),
            "gen_tps_percentiles": statistics(50.0, 48.0, 52.0),
        },
        "dataset": {"isl_stats": {}},
        **more,
    }


RULE = "=" * 59
PRINTED = f"""\
[TRT-LLM] [I]

{RULE}
= PYTORCH BACKEND
{RULE}
Model:\t\t\tmeta-llama/Llama-3.1-8B
Model Path:\t\tNone
TensorRT LLM Version:\t1.2.0
Dtype:\t\t\tbfloat16
KV Cache Dtype:\t\tFP8
Quantization:\t\tFP8

{RULE}
= REQUEST DETAILS
{RULE}
Number of requests:             100
Number of concurrent requests:  94.6053
Average Input Length (tokens):  128.0000
Average Output Length (tokens): 128.0000
{RULE}
= WORLD + RUNTIME INFORMATION
{RULE}
TP Size:                1
PP Size:                1
EP Size:                None
Max Runtime Batch Size: 3840
Issue Rate (req/sec):   1.0526E+15

{RULE}
= PERFORMANCE OVERVIEW
{RULE}
Request Throughput (req/sec):                     86.5373
Total Output Throughput (tokens/sec):             11076.7700
Total Token Throughput (tokens/sec):              22153.5399
Total Latency (ms):                               1155.5715
Average request latency (ms):                     1093.2284
Per User Output Throughput [w/ ctx] (tps/user):   117.1544
Average time-to-first-token [TTFT] (ms):   162.6706
Average time-per-output-token [TPOT] (ms): 7.3272
Per User Output Speed (tps/user):          137.1475

-- Per-Request Time-per-Output-Token [TPOT] Breakdown (ms)

[TPOT] MINIMUM: 6.6450
[TPOT] MAXIMUM: 8.1306
[TPOT] AVERAGE: 7.3272
[TPOT] P50    : 7.6079
[TPOT] P99    : 8.1306

-- Per-Request Time-to-First-Token [TTFT] Breakdown (ms)

[TTFT] AVERAGE: 162.6706
[TTFT] P50    : 159.7857

-- Per-Request Generation Throughput [GTPS] Breakdown (tps/user)

[GTPS] AVERAGE: 137.1475

-- Request Latency Breakdown (ms) -----------------------

[Latency] P50    : 1091.7905
[Latency] MAXIMUM: 1137.6817
[Latency] AVERAGE: 1093.2284
"""
SEEDS = {
    "trtllm_json": dumped(report()),
    "trtllm_printed": PRINTED.encode(),
}
