"""MLPerf Inference LoadGen's ``mlperf_log_summary.txt``, Server scenario with token latencies.

mlcommons/inference 05a9cec loadgen/results.cc ProcessLatencies, ProcessTokenLatencies, LogSummary,
and loadgen/logging.cc. A mean is cut to whole ns, a percentile is the sample at that place; rates
leave out one sample. The system under test counts the tokens.
"""

from __future__ import annotations

from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape

PERCENTILES = (0.5, 0.9, 0.95, 0.97, 0.99, 0.999)
RULE = "=" * 48


def log_summary(served: Served) -> bytes:
    """The whole file."""
    rows = served.measured
    n = len(rows)
    first = [_ns(r.first - r.sent) for r in rows]
    latency = [_ns(r.last - r.sent) for r in rows]
    tokens = [r.decoded for r in rows]
    tpot = [
        int((b - a) / (k - 1)) for a, b, k in zip(first, latency, tokens, strict=True)
    ]  # C++ cuts
    took = max(r.last for r in rows)
    rate = sum(tokens) / took * (1e9 if served.fault("absurd-rate") else 1)
    scheduled = max(r.sent for r in rows)
    lines = [
        RULE,
        "MLPerf Results Summary",
        RULE,
        "SUT name : PySUT",
        "Scenario : Server",
        "Mode     : PerformanceOnly",
        f"Completed samples per second    : {(n - 1) / took:.2f}",
        f"Completed tokens per second: {rate:.2f}",
        "Result is : VALID",
        "  Performance constraints satisfied : Yes",
        "  Min duration satisfied : Yes",
        "  Min queries satisfied : Yes",
        "  Early stopping satisfied: Yes",
        "TTFT Early Stopping Result:",
        " * Run successful.",
        "TPOT Early Stopping Result:",
        " * Run successful.",
        "",
        RULE,
        "Additional Stats",
        RULE,
        f"Scheduled samples per second : {(n - 1) / scheduled:.2f}",
        *_block("latency", "latency", latency, upper=False),
        "",
        f"Completed tokens per second                 : {rate:.2f}",
        *_block("First Token latency", "first token latency", first),
        "",
        *_block("Time to Output Token", "time to output token", tpot),
        "",
        RULE,
        "Test Parameters Used",
        RULE,
        "samples_per_query : 1",
        f"target_qps : {served.scenario.rate:.6g}",
        "ttft_latency (ns): 2000000000",
        "tpot_latency (ns): 200000000",
        "min_duration (ms): 600000",
        "min_query_count : 100",
        "",
        "No warnings encountered during test.",
        "",
        "No errors encountered during test.",
    ]
    return "\n".join([*lines, ""]).encode()


def _block(name: str, small: str, values: list[int], upper: bool = True) -> list[str]:
    at = sorted(values)
    means = (("Min", at[0]), ("Max", at[-1]), ("Mean", sum(at) // len(at)))
    width = 44 if upper else 32
    places = [(f"{100 * p:.2f} percentile {small} (ns)", at[int(len(at) * p)]) for p in PERCENTILES]
    return [
        *(f"{f'{word} {name} (ns)':<{width}}: {value}" for word, value in means),
        *(f"{word}   : {value}" for word, value in places),
    ]


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


SHAPES = {"mlperf-loadgen": Shape("mlperf_log_summary.txt", log_summary, Load.POISSON)}
