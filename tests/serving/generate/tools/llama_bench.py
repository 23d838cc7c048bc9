"""llama.cpp's ``llama-bench``: ``-o json``, ``-o jsonl`` and its table.

ggml-org/llama.cpp 050fc7f tools/llama-bench/llama-bench.cpp: test_gen runs n_gen steps of a token
after n_depth tokens were put into the cache, and the clock has the steps alone; test::get_fields
and get_ts, avg and stdev (of a sample), json_printer, jsonl_printer, markdown_printer.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.serving.generate.figures import dumped
from tests.serving.generate.served import Served
from tests.serving.generate.shape import Load, Shape

MODEL = {
    "model_filename": "some-model-q4_0.gguf",
    "model_type": "llama 7B Q4_0",
    "model_size": 3_825_065_984,
    "model_n_params": 6_738_415_616,
}


def test(served: Served) -> dict[str, Any]:
    """The object of one test: a repetition for each request."""
    rows = served.measured
    n_gen, depth = rows[0].steps, rows[0].prompt
    ns = [round((r.last - r.first) * 1e9) for r in rows]
    ts = [1e9 * n_gen / sample for sample in ns]
    return {
        "build_commit": "050fc7f3",
        "build_number": 7000,
        "cpu_info": "some CPU",
        "gpu_info": "Intel(R) Arc(TM) A770 Graphics",
        "backends": "SYCL",
        **MODEL,
        "n_batch": 2048,
        "n_ubatch": 512,
        "n_threads": 8,
        "type_k": "f16",
        "type_v": "f16",
        "n_gpu_layers": 99,
        "n_prompt": 0,
        "n_gen": n_gen,
        "n_depth": depth,
        "test_time": "2026-08-21T10:00:00Z",
        "avg_ns": int(np.mean(ns)),
        "stddev_ns": int(np.std(ns, ddof=1)),
        "avg_ts": round(float(np.mean(ts)), 6),
        "stddev_ts": round(float(np.std(ts, ddof=1)), 6),
        "samples_ns": ns,
        "samples_ts": [float(f"{value:.6g}") for value in ts],
    }


def table(served: Served) -> bytes:
    """The default output."""
    found = test(served)
    name = f"tg{found['n_gen']} @ d{found['n_depth']}"
    speed = f"{found['avg_ts']:.2f} ± {found['stddev_ts']:.2f}"
    size, params = found["model_size"] / 2**30, found["model_n_params"] / 1e9
    return (
        "| model                          |       size |     params | backend    | ngl |"
        "            test |                  t/s |\n"
        "| ------------------------------ | ---------: | ---------: | ---------- | --: |"
        " --------------: | -------------------: |\n"
        f"| {found['model_type']:<30} | {f'{size:.2f} GiB':>10} | {f'{params:.2f} B':>10} "
        f"| {'SYCL':<10} |  99 | {name:>15} | {speed:>20} |\n"
        "\nbuild: 050fc7f3 (7000)\n"
    ).encode()


SHAPES = {
    "llama-bench": Shape(
        "llama-bench.json", lambda s: json.dumps([test(s)], indent=2).encode(), Load.ALONE
    ),
    "llama-bench-lines": Shape("llama-bench.jsonl", lambda s: dumped(test(s)), Load.ALONE),
    "llama-bench-table": Shape("llama-bench.md", table, Load.ALONE),
}
