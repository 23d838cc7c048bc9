"""Small files with guidellm's CSV and console tables.

The tables are drawn as guidellm 0.3.0 and 0.6.0 draw them, with made-up values: two benchmarks, of
20 requests each, 101 tokens a request.
"""

import csv
import io

CONSOLE = """\
✔ Setup complete, starting benchmarks...

ℹ Run Summary Info
|============|==========|==========|======|======|======|========|=====|=====|========|=====|=====|
| Benchmark  | Timings                              ||||| Input Tokens     ||| Output Tokens    |||
| Strategy   | Start    | End      | Dur  | Warm | Cool | Comp   | Inc | Err | Comp   | Inc | Err |
|            |          |          | Sec  | Sec  | Sec  | Tot    | Tot | Tot | Tot    | Tot | Tot |
|------------|----------|----------|------|------|------|--------|-----|-----|--------|-----|-----|
| concurrent | 10:00:00 | 10:00:42 | 42.0 | 0.0  | 0.0  | 2000.0 | 0.0 | 0.0 | 2020.0 | 0.0 | 0.0 |
| concurrent | 10:01:00 | 10:01:20 | 20.0 | 0.0  | 0.0  | 4000.0 | 0.0 | 0.0 | 2020.0 | 0.0 | 0.0 |
|============|==========|==========|======|======|======|========|=====|=====|========|=====|=====|


ℹ Request Latency Statistics (Completed Requests)
|============|=========|========|=======|=======|======|======|======|======|
| Benchmark  | Request Latency || TTFT         || ITL        || TPOT       ||
| Strategy   | Sec             || ms           || ms         || ms         ||
|            | Mdn     | p95    | Mdn   | p95   | Mdn  | p95  | Mdn  | p95  |
|------------|---------|--------|-------|-------|------|------|------|------|
| concurrent | 2.1     | 2.2    | 100.0 | 110.0 | 20.0 | 21.0 | 20.8 | 21.8 |
| concurrent | 4.0     | 4.4    | 200.0 | 210.0 | 38.0 | 39.9 | 39.6 | 41.1 |
|============|=========|========|=======|=======|======|======|======|======|


ℹ Server Throughput Statistics (All Requests)
|============|=======|======|=========|==============|===============|==============|
| Benchmark  | Requests             ||| Input Tokens | Output Tokens | Total Tokens |
| Strategy   | Concurrency || Per Sec | Per Sec      | Per Sec       | Per Sec      |
|            | Mdn   | Mean | Mean                                               ||||
|------------|-------|------|---------|--------------|---------------|--------------|
| concurrent | 1.0   | 1.0  | 0.5     | 47.6         | 48.1          | 95.7         |
| concurrent | 4.0   | 3.9  | 1.0     | 200.0        | 101.0         | 301.0        |
|============|=======|======|=========|==============|===============|==============|
✔ Benchmarking complete, generated 2 benchmark(s)
"""
CONSOLE_0_3 = """\
Benchmarks Info:
======================================================================================
Metadata                                   |||| Requests Made  ||| Prompt Tok/Req  ||| \
Output Tok/Req  ||| Prompt Tok Total||| Output Tok Total||
    Benchmark| Start Time| End Time| Duration (s)|  Comp|  Inc|  Err|   Comp|  Inc|  Err\
|   Comp|  Inc|  Err|   Comp|  Inc|  Err|  Comp|   Inc|   Err
-------------|-----------|---------|-------------|------|-----|-----|-------|-----|-----\
|-------|-----|-----|-------|-----|-----|------|------|------
  synchronous|   10:00:00| 10:00:42|         42.0|    20|    0|    1|  100.0|  0.0|  0.0\
|  101.0|  0.0|  0.0|   2000|    0|    0|  2020|     0|     0
constant@2.50|   10:01:00| 10:01:20|         20.0|    20|    0|    0|  200.0|  0.0|  0.0\
|  101.0|  0.0|  0.0|   4000|    0|    0|  2020|     0|     0
======================================================================================


Benchmarks Stats:
======================================================================================
Metadata     | Request Stats         || Out Tok/sec| Tot Tok/sec| Req Latency (sec)||| \
TTFT (ms)          ||| ITL (ms)        ||| TPOT (ms)       ||
    Benchmark| Per Second| Concurrency|        mean|        mean| mean| median|  p99|  mean\
| median|    p99| mean| median|  p99| mean| median|  p99
-------------|-----------|------------|------------|------------|-----|-------|-----|------\
|-------|-------|-----|-------|-----|-----|-------|-----
  synchronous|       0.48|        1.00|        48.1|        95.7| 2.10|   2.10| 2.20| 100.0\
|  100.0|  110.0| 20.0|   20.0| 21.0| 19.8|   19.8| 20.8
constant@2.50|       1.00|        3.90|       101.0|       301.0| 4.00|   4.00| 4.40| 200.0\
|  200.0|  210.0| 38.0|   38.0| 39.9| 37.6|   37.6| 39.5
======================================================================================
"""
LIST = "[{0}, {0}, {0}, {0}, {0}, {0}, {1}, {1}, {1}, {1}, {1}]"
VALUES = {"e2e": (2.1, 2.2), "ttft": (100.0, 110.0), "tpot": (20.8, 21.8), "itl": (20.0, 21.0)}


def guidellm_csv(*rows):
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def columns_0_5():
    """Names of columns, group, field and statistic, with their values."""
    columns = {
        ("Run Info", "Run ID", ""): "5b1f",
        ("Run Info", "Profile", ""): '{"type_": "concurrent", "streams": 4}',
        ("Run Info", "Backend", ""): '{"target": "http://h", "model": "Qwen/QwQ-32B"}',
        ("Benchmark", "Strategy", ""): "concurrent",
        ("Timings", "Duration", "Sec"): 42.0,
        ("Request Counts", "Successful", ""): 20,
        ("Request Counts", "Incomplete", ""): 0,
        ("Request Counts", "Errored", ""): 1,
        ("Request Counts", "Total", ""): 21,
    }
    for group, units, name in (
        ("Request Latency", "Sec", "e2e"),
        ("Time to First Token", "ms", "ttft"),
        ("Time per Output Token", "ms", "tpot"),
        ("Inter Token Latency", "ms", "itl"),
    ):
        low, high = VALUES[name]
        columns[group, f"Successful {units}", "Mean"] = low
        columns[group, f"Successful {units}", "Median"] = low
        columns[group, f"Successful {units}", "Std Dev"] = 0.5
        columns[group, f"Successful {units}", "Percentiles"] = LIST.format(low, high)
        columns[group, f"Errored {units}", "Mean"] = 999.0
    for group, units, mean in (
        ("Server Throughput", "Requests/Sec", 0.48),
        ("Server Throughput", "Concurrency", 1.0),
        ("Token Metrics", "Input Tokens", 100.0),
        ("Token Metrics", "Output Tokens", 101.0),
        ("Token Throughput", "Output Tokens/Sec", 48.1),
        ("Token Throughput", "Total Tokens/Sec", 95.7),
    ):
        columns[group, f"Successful {units}", "Mean"] = mean
    columns["Runtime Info", "Metadata", ""] = '{"version": 1, "guidellm_version": "0.5.0"}'
    return columns


def csv_0_5(*benchmarks):
    first = benchmarks[0]
    return guidellm_csv(*zip(*first, strict=True), *(each.values() for each in benchmarks))


def csv_0_3():
    columns = {
        "Type": "generative_benchmark", "Run Id": "5b1f", "Id": "a", "Name": "synchronous",
        "Duration": 42.0, "Successful Requests": 20, "Errored Requests": 1, "Total Requests": 21,
    }  # fmt: skip
    for metric, name in (
        ("Request latency", "e2e"),
        ("Time to first token ms", "ttft"),
        ("Time per output token ms", "tpot"),
        ("Inter token latency ms", "itl"),
    ):
        low, high = VALUES[name]
        columns[f"Successful {metric} mean"] = columns[f"Successful {metric} median"] = low
        columns[f"Successful {metric} std dev"] = 0.5
        points = "[min, 0.1, 1, 5, 10, 25, 75, 90, 95, 99, max]"
        columns[f"Successful {metric} {points}"] = LIST.format(low, high)
    columns |= {
        "Successful Requests per second mean": 0.48,
        "Total Request concurrency mean": 1.0,
        "Successful Prompt token count mean": 100.0,
        "Successful Output token count mean": 101.0,
        "Successful Output tokens per second mean": 48.1,
        "Successful Tokens per second mean": 95.7,
        "Args": '{"strategy": {"type_": "concurrent", "streams": 4}}',
        "Worker": '{"backend_type": "openai_http", "backend_model": "Qwen/QwQ-32B"}',
        "Request Loader": "{}",
    }
    return guidellm_csv(columns, columns.values())


SEEDS = {
    "guidellm_console": CONSOLE.encode(),
    "guidellm_console_0_3": CONSOLE_0_3.encode(),
    "guidellm_csv": csv_0_5(columns_0_5(), columns_0_5()),
    "guidellm_csv_0_3": csv_0_3(),
}
