"""evalscope's perf files, with the keys of 0.12, 0.16, 1.0 and 1.14.

``OF_0_16`` has the values of a run with Qwen3-235B-A22B that was published in 2025; the others are
made up.
"""

from tests.serving.readers.files import dumped

OF_0_16 = {
    "Time taken for tests (s)": 255.9107,
    "Number of concurrency": 1,
    "Total requests": 10,
    "Succeed requests": 10,
    "Failed requests": 0,
    "Output token throughput (tok/s)": 40.014,
    "Total token throughput (tok/s)": 81.5323,
    "Request throughput (req/s)": 0.0391,
    "Average latency (s)": 25.5892,
    "Average time to first token (s)": 0.2734,
    "Average time per output token (s)": 0.0248,
    "Average input tokens per request": 1062.5,
    "Average output tokens per request": 1024.0,
    "Average package latency (s)": 0.0248,
    "Average package per request": 1022.3,
}
OF_0_12 = {
    "Time taken for tests (s)": 121.531,
    "Number of concurrency": 4,
    "Total requests": 8,
    "Succeed requests": 8,
    "Failed requests": 0,
    "Throughput(average tokens/s)": 134.813,
    "Average QPS": 0.066,
    "Average latency (s)": 60.5,
    "Average time to first token (s)": 0.5,
    "Average time per output token (s)": 0.0295,
    "Average input tokens per request": 100.0,
    "Average output tokens per request": 2048.0,
    "Average package latency (s)": 0.029,
    "Average package per request": 2046.0,
}
OF_1_0 = {
    **{key: value for key, value in OF_0_16.items() if "package" not in key},
    "Average inter-token latency (s)": 0.0495,
}
OF_1_14 = {
    "Test Duration (s)": 42.0,
    "Concurrency": 4,
    "Request Rate (req/s)": -1.0,
    "Total Requests": 21,
    "Success Requests": 20,
    "Failed Requests": 1,
    "Stream Requests": 20,
    "Non-Stream Requests": 0,
    "Req Throughput (req/s)": 0.48,
    "Avg Latency (s)": 2.1,
    "Avg Input Tokens": 100.0,
    "Output Throughput (tok/s)": 48.1,
    "Total Throughput (tok/s)": 95.7,
    "Avg TTFT (ms)": 100.0,
    "Avg TPOT (ms)": 20.0,
    "Avg ITL (ms)": 40.0,
    "Avg Output Tokens": 101.0,
    "Input Throughput (tok/s)": 0.0,
    "Avg Decoded Tok/Iter": 2.0,
}


def percentiles(unit="ms", scale=1.0):
    return [
        {
            "Percentiles": share,
            "Latency (s)": 2.1,
            f"TTFT ({unit})": 100.0 * scale,
            f"ITL ({unit})": 40.0 * scale,
            f"TPOT ({unit})": tpot * scale,
            "Output (tok/s)": 48.1,
        }
        for share, tpot in (("50%", 20.0), ("99%", 21.0))
    ]


SEEDS = {
    "evalscope_0_12": dumped(OF_0_12),
    "evalscope_0_16": dumped(OF_0_16),
    "evalscope_1_0": dumped(OF_1_0),
    "evalscope_1_14": dumped(OF_1_14),
    "evalscope_percentiles": dumped(percentiles()),
    "evalscope_percentiles_s": dumped(percentiles("s", 1e-3)),
}
