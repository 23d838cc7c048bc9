import json
import math

import pytest

from tests.serving.readers.files import figures, lines, read_bytes, read_json
from tests.serving.readers.llama_files import llama_bench_test
from truetpot.errors import UserError
from truetpot.serving.records import Counting, Metric


def test_one_run_a_test(tmp_path):
    tests = [llama_bench_test(512, 0), llama_bench_test(), llama_bench_test(512, 128, n_depth=64)]
    for data in (json.dumps(tests).encode(), lines(*tests)):
        decode, both = read_bytes(tmp_path, data)
        assert decode.tool == "llama-bench"
        assert (decode.variant, both.variant) == ("tg128", "pp512+tg128 @ d64")
        assert decode.place in ("[1]", "line 2")
        assert figures(decode) == {(Metric.E2E, "mean"): 2.55, (Metric.E2E, "std"): 0.070710678}
        assert decode.requests.latency_s.tolist() == [2.5, 2.6]
        assert decode.requests.tokens.tolist() == [128, 128]
        assert decode.requests.counting is Counting.SERVER
        assert all(map(math.isnan, decode.requests.ttft_s))
        assert decode.requests.prompt_tokens.tolist() == [0, 0]
        assert both.requests.prompt_tokens.tolist() == [576, 576]
        assert both.requests.tokens.tolist() == [-1, -1]  # How long these 128 took is not known.
        assert decode.totals.output_tokens_per_s == 50.215
        assert both.totals.output_tokens_per_s is None  # The tool's counts the prompt too.
        assert len(both.notes) == 2


def test_samples_agree_with_the_average(tmp_path):
    (run,) = read_json(tmp_path, [llama_bench_test()])
    latencies = run.requests.latency_s
    assert latencies.mean() == pytest.approx(run.figure(Metric.E2E, "mean"), rel=1e-12)
    rates = run.requests.tokens / latencies
    assert rates.mean() == pytest.approx(run.totals.output_tokens_per_s, rel=1e-4)


def test_setting(tmp_path):
    (run,) = read_json(tmp_path, [llama_bench_test()])
    setting = run.setting
    assert (setting.model, setting.batch) == ("qwq-32b-q4_k_m.gguf", 1)
    assert (setting.weight_format, setting.model_bytes) == (
        "qwen2 32B Q4_K - Medium",
        19_845_357_568,
    )
    assert (setting.input_tokens, setting.output_tokens) == (0, 128)
    assert (setting.device, setting.devices) == ("Intel(R) Arc(TM) A770", 1)
    assert setting.tool_version == "build 7000 (0104b151c)"
    assert setting.kv_format is None and setting.depth == 0
    assert run.place == ""


@pytest.mark.parametrize(
    ("more", "device", "devices"),
    [
        ({"gpu_info": "Arc A770, Arc A770"}, "Arc A770", 2),
        ({"gpu_info": "Arc A770/Arc A770"}, "Arc A770", 2),  # Before 2024-11.
        ({"gpu_info": "Arc A770, Arc A770", "split_mode": "none"}, "Arc A770", 1),
        ({"gpu_info": "A, A, A, A", "devices": "SYCL0/SYCL1"}, "A", 2),
        ({"gpu_info": "Arc A770, UHD Graphics 770"}, "Arc A770, UHD Graphics 770", None),
        ({"gpu_info": "Arc A770", "n_gpu_layers": 99}, "Arc A770", 1),
        ({"gpu_info": "Arc A770", "n_gpu_layers": 0}, None, None),
        ({"gpu_info": ""}, None, None),
        ({"gpu_info": None}, None, None),
    ],
)
def test_cards(tmp_path, more, device, devices):
    """``gpu_info`` names all there are; where they differ, nothing says which of them worked."""
    (run,) = read_json(tmp_path, [llama_bench_test(**more)])
    assert (run.setting.device, run.setting.devices) == (device, devices)


def test_caches_and_depth(tmp_path):
    more = {"type_k": "q8_0", "type_v": "f16", "n_depth": 4096}
    (run,) = read_json(tmp_path, [llama_bench_test(**more)])
    assert (run.setting.kv_format, run.setting.depth) == ("q8_0/f16", 4096)
    assert run.requests.prompt_tokens.tolist() == [4096, 4096]
    (run,) = read_json(tmp_path, [llama_bench_test(**{**more, "type_v": "q8_0"})])
    assert run.setting.kv_format == "q8_0"


@pytest.mark.parametrize(
    ("file", "model"),
    [
        ("models/Meta-Llama-3.1-8B-Q4_K_M.gguf", "models/Meta-Llama-3.1-8B-Q4_K_M.gguf"),
        ("m.gguf", "llama 7B Q4_0"),
        ("ggml-model-q4_0.gguf", "llama 7B Q4_0"),
    ],
)
def test_the_name_that_says_more(tmp_path, file, model):
    (run,) = read_json(
        tmp_path, [llama_bench_test(model_filename=file, model_type="llama 7B Q4_0")]
    )
    assert run.setting.model == model


def test_context_beyond_64_bits(tmp_path):
    """Found by fuzzing: each fits, the sum does not."""
    (run,) = read_json(tmp_path, [llama_bench_test(512, 128, n_depth=2**63 - 1)])
    assert run.setting.input_tokens is None
    assert run.requests.prompt_tokens.tolist() == [-1, -1]


def test_without_samples(tmp_path):
    (run,) = read_json(tmp_path, [llama_bench_test(samples_ns=None)])
    assert run.requests is None and run.totals.completed is None
    assert run.figure(Metric.E2E, "mean") == 2.55
    assert run.figure(Metric.E2E_PER_TOKEN, "mean") == 1 / 50.215


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples_ns": [1, "x"]}, "samples_ns"),
        ({"avg_ns": {}}, "avg_ns"),
        ({"n_gen": 1.5}, "n_gen"),
        ({"n_gen": 0}, "prompts only"),
        ({"n_depth": 2**63}, "n_depth"),
    ],
)
def test_broken(tmp_path, change, words):
    with pytest.raises(UserError, match=words):
        read_json(tmp_path, [llama_bench_test(**change)])
