"""A file cut at any byte gives one sentence, or runs of which every number is in the whole file."""

from importlib import import_module

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.serving.readers import read

TOOLS = (
    *("aiperf", "genai_perf", "guidellm", "inference_benchmarker", "inference_perf"),
    *("ipex_llm", "llama", "llama_benchy", "llmperf", "mlperf", "nvidia_csv", "ollama", "openvino"),
    *("guidellm_table", "evalscope", "inferencex", "trtllm_bench"),
)
FILES = (import_module(f"tests.serving.readers.{tool}_files") for tool in TOOLS)
SEEDS = {name: content for file in FILES for name, content in file.SEEDS.items()}
IN_LINES = {
    *("aiperf_lines", "llama_bench_lines", "llama_server_lines", "llama_server_log"),
    *("ollama_lines", "llama_cli_chat"),
    # An average that was cut off is taken from the iterations above it.
    *("llm_bench_csv", "llm_bench_log"),
}
TEXTS = {
    *("mlperf_loadgen", "ipex_llm_all_in_one", "ipex_llm_online"),
    *("guidellm_console", "guidellm_console_0_3", "guidellm_csv", "guidellm_csv_0_3"),
    *("llm_bench_csv", "llm_bench_log", "llm_bench_log_of_2024"),
    *("aiperf_csv", "genai_perf_csv", "genai_perf_csv_of_2024", "trtllm_printed"),
    *("llama_bench_csv", "llama_bench_sql", "llama_bench_table"),
    *("llama_cli_log", "llama_server_log", "ollama_verbose", "llama_cli_chat"),
    "llama_benchy_table",
    *("llama_batched_bench", "llama_sweep_bench"),
}


def figures(runs):
    return {(f.metric, f.statistic, repr(f.value)) for run in runs for f in run.figures}


FEW = 120
"""Places in `make test`; the exhaustive test takes every byte."""


@pytest.mark.parametrize("name", SEEDS)
def test_cut_at_some_bytes(name, tmp_path):
    data = SEEDS[name]
    check_cut(name, tmp_path, range(0, len(data), max(1, len(data) // FEW)))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SEEDS)
def test_cut_at_every_byte(name, tmp_path):
    check_cut(name, tmp_path, range(len(SEEDS[name])))


def check_cut(name, tmp_path, ends):
    path, data = tmp_path / "cut", SEEDS[name]
    path.write_bytes(data)
    whole = read(path)
    survivors = []
    for end in ends:
        path.write_bytes(data[:end])
        try:
            survivors.append(read(path))
        except UserError:
            continue
    assert not survivors or name in IN_LINES | TEXTS, "JSON that was cut is no JSON"
    for runs in survivors:
        assert figures(runs) <= figures(whole) or name in IN_LINES
        for run, full in zip(runs, whole, strict=False):
            if run.requests is None:
                continue
            n = len(run.requests)
            np.testing.assert_array_equal(run.requests.latency_s, full.requests.latency_s[:n])
            np.testing.assert_array_equal(run.requests.tokens, full.requests.tokens[:n])


@pytest.mark.parametrize("name", SEEDS)
def test_each_has_one_reader(name, tmp_path):
    """No two readers claim one file: which is asked first must not matter."""
    from truetpot.serving.readers import detect
    from truetpot.serving.readers.document import Document
    from truetpot.serving.readers.source import Source

    path = tmp_path / "whole"
    path.write_bytes(SEEDS[name])
    source = Source(path)
    if name in TEXTS:
        kinds, asked = detect.TextReader, source
    else:
        kinds, asked = detect.JsonReader, Document(source).first
    claims = [r.name for r in detect.readers() if isinstance(r, kinds) and r.recognises(asked)]
    assert len(claims) == 1, claims
