"""A small summary as MLPerf's LoadGen writes it: loadgen/results.cc, LogSummary."""


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


SEEDS = {
    "mlperf_loadgen": mlperf_summary(),
}
