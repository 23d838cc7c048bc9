"""A rank of a real checkpoint holds its share, and never the whole model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

GIB = 1 << 30
CONFIG = {
    "model_type": "qwen2", "hidden_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 16,
    "num_key_value_heads": 4, "intermediate_size": 11264, "vocab_size": 4096,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "tie_word_embeddings": False, "hidden_act": "silu",
}  # fmt: skip
RANK = """
import sys
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.decode.engine import DecodeStep
from truetpot.decode.preference import Preference
from truetpot.decode.selected import select_step
from truetpot.facts.workload import Workload
from truetpot.facts.models import load_model
from truetpot.runtime.cpu import CpuDevice
from truetpot.runtime.memory import peak_rss_bytes
import torch

before = peak_rss_bytes()
model = load_model(sys.argv[1])
shape = Workload(context=8, format="bf16", kv_format="bf16", dtype="bf16", tp=4)
weights = CheckpointWeights(sys.argv[1], model, shape, 2)
step = DecodeStep(select_step(model, shape, Preference(["torch"], CpuDevice())), weights, 2)
print(before, peak_rss_bytes())
"""


def empty_checkpoint(folder):
    """Two GiB and a half of zeros in a file with holes: it takes no room on the disk."""
    from truetpot.decode.checkpoint import _tensors
    from truetpot.facts.models import load_model

    (folder / "config.json").write_text(json.dumps(CONFIG))
    model = load_model(folder)
    header, end = {}, 0
    for name, shape in _tensors(model, model.layers):
        size = 2
        for n in shape:
            size *= n
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with Path(folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return model, end


def test_a_rank_holds_no_more_than_its_share(tmp_path):
    model, whole = empty_checkpoint(tmp_path)
    table = model.vocab * model.hidden * 2
    share = (whole - table) // 4 + table
    assert 1.1 * share + GIB < whole, "the whole model has to be seen if a rank held it"
    done = subprocess.run(
        [sys.executable, "-c", RANK, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, peak = map(int, done.stdout.split())
    assert peak <= 1.1 * share + GIB
    # what Python and torch take is most of that GiB: the model itself stays close to its share
    assert peak - before <= 1.1 * share + (256 << 20), (peak - before, share)
    assert peak - before == pytest.approx(share, rel=0.5)
