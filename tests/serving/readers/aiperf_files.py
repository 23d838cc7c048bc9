"""Small files with AIPerf's keys.

From its docs/tutorials/working-with-profile-exports.md and docs/reference/json-export-schema.md.
"""

from tests.serving.readers.files import dumped, lines, table


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


def aiperf_of_2025():
    """The metrics were under "records", and there were no sums of tokens."""
    given = aiperf_summary()
    names = [key for key, value in given.items() if isinstance(value, dict) and "unit" in value]
    tables = {name: given.pop(name) for name in names}
    records = {name: table for name, table in tables.items() if not name.startswith("total_")}
    del given["schema_version"], given["aiperf_version"]
    return {"records": records, **given}


SEEDS = {
    "aiperf_lines": aiperf_lines(),
    "aiperf_summary": dumped(aiperf_summary()),
    "aiperf_phases": dumped(
        aiperf_summary(
            input_config={
                "phases": [
                    {"name": "warmup", "exclude_from_results": True, "concurrency": 1},
                    {"name": "profiling", "concurrency": 11},
                ]
            }
        )
    ),
    "aiperf_of_2025": dumped(aiperf_of_2025()),
}
