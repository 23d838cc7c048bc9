"""OpenCL runs where torch is not installed: here importing it raises."""

import json
import os
import subprocess
import sys

import pytest

from truetpot.runtime.opencl import platforms

pytestmark = [
    pytest.mark.opencl,
    pytest.mark.skipif(not platforms.devices(), reason="no OpenCL: pip install 'truetpot[opencl]'"),
]

NO_TORCH = "import sys; sys.modules['torch'] = sys.modules['triton'] = None; "
RUN = NO_TORCH + "from truetpot.cli import main; main(sys.argv[1:])"


def truetpot(*words):
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "TRUETPOT_TUNED": "off"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def model(tmp_path):
    """A folder with the shape of a small model; its weights are random."""
    config = {
        "model_type": "qwen2",
        "vocab_size": 512,
        "hidden_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 256,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e4,
        "tie_word_embeddings": False,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_a_whole_step_is_timed(model, tmp_path):
    file = tmp_path / "out.json"
    words = ["--model", model, "--context", 16, "--format", "sym_int4", "--seconds", 0.2]
    truetpot("decode", "--device", "opencl:cpu", *words, "--json", file)
    record = json.loads(file.read_text())
    assert set(record["providers"].values()) == {"opencl"}
    assert record["dtype"] == "fp16"
    assert record["valid"]
    timing = record["step_timing"]
    assert 0 < timing["median_s"] <= timing["wall_median_s"]
    assert 0 < timing["enqueue_median_s"] <= timing["wall_median_s"]


def test_kernels_and_providers(model, tmp_path):
    file = tmp_path / "out.json"
    words = ["--model", model, "--context", 16, "--op", "silu_mul", "--seconds", 0.2]
    truetpot("kernels", "--device", "opencl:cpu", *words, "--json", file)
    (row,) = json.loads(file.read_text())["results"]
    assert (row["provider"], row["status"]) == ("opencl", "ok")

    found = json.loads(truetpot("providers", "--device", "opencl:cpu", "--json", "-"))["kernels"]
    here = {row["op"] for row in found if row["provider"] == "opencl" and row["available"]}
    assert {"linear", "decode_attention", "rms_norm", "memory_read"} <= here
    lost = {row["reason"] for row in found if row["provider"] == "torch"}
    assert lost
    assert all("torch" in reason for reason in lost)
