"""ipex-llm: the all-in-one benchmark's CSV, and the log of vllm_online_benchmark.py.

intel/ipex-llm python/llm/dev/benchmark/all-in-one/run.py run_model (means of the trials, in ms with
two decimals; a step each token, timed on the device) with ipex_llm/utils/benchmark_util_4_45.py;
docker/llm/serving/xpu/docker/vllm_online_benchmark.py perform_request (a gap for each message but
the one with a finish reason, whether it has text or not) and benchmark (threads, each with one
request at a time; the throughput is that of the tokens asked for).
"""

from __future__ import annotations

import numpy as np

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape

HEADER = (
    ",model,1st token avg latency (ms),2+ avg latency (ms/token),encoder time (ms),"
    "input/output tokens,batch_size,actual input/output tokens,num_beams,low_bit,cpu_embedding,"
    "model loading time (s),peak mem (GB),streaming,use_fp16_torch_dtype\n"
)


def all_in_one(served: Served) -> bytes:
    """One row: a prompt length, some trials."""
    rows = served.measured
    first = 1e3 * float(np.mean([r.first - r.began for r in rows]))
    rest = 1e3 * float(np.mean([(r.last - r.first) / r.steps for r in rows]))
    asked = f"{rows[0].prompt}-{rows[0].asked}"
    actual = f"{rows[0].prompt}-{int(np.mean([r.decoded for r in rows]))}"
    return (
        f"{HEADER}0,some/model,{round(first, 2)},{round(rest, 2)},0.0,{asked},1,{actual},1,"
        "sym_int4,False,30.1,17.2,N/A,N/A\n"
    ).encode()


def online(served: Served) -> bytes:
    """The log of one run."""
    rows = served.measured
    first = np.array([r.at[0] - r.sent for r in rows])
    rest = np.array([np.mean(np.diff(r.at[:-1])) if len(r.at) > 2 else np.nan for r in rows])
    took, n, threads = served.duration, len(rows), served.scenario.concurrency
    tokens = sum(r.asked for r in rows)
    # of a data set the lengths differ, and the throughput has another name
    one = served.scenario.lengths == "fixed"
    rates = [f"Token throughput: {tokens / took}"]
    if not one:
        total = tokens + sum(r.prompt for r in rows)
        rates = [
            f"Output token throughput: {tokens / took}",
            f"Total token throughput: {total / took}",
        ]
    lines = [
        "running bench.py",
        "model_name: some-model",
        f"max_seq: {threads}",
        f"Total time for {n} requests with {threads} concurrent requests: {took} seconds.",
        f"Average responce time: {np.mean([r.done - r.sent for r in rows])}",
        *rates,
        "",
    ]
    for word, values in (("first", first), ("next", rest)):
        for name, value in (
            ("Average", values.mean()),
            ("P90", np.percentile(values, 90)),
            ("P95", np.percentile(values, 95)),
        ):
            lines.append(f"{name} {word} token latency: {value * 1000} milliseconds.")
        lines.append("")
    return "\n".join([*lines, ""]).encode()


SHAPES = {
    "ipex-llm-all-in-one": Shape("transformer_int4_gpu-results.csv", all_in_one, Load.ALONE),
    "ipex-llm-online": Shape("bench.log", online, Load.CLOSED),
}
