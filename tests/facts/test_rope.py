"""Frequencies against those transformers computes (in float32) for its own models."""

import math
from typing import Any

import numpy as np
import pytest
import transformers
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from truetpot.facts.hf_config import model_from_config
from truetpot.facts.models import load_model, rope_inv_freq

LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
TABLES: list[dict[str, Any]] = [
    {"rope_type": "default"},
    {"rope_type": "linear", "factor": 3.0},
    {"rope_type": "llama3", "original_max_position_embeddings": 8192, **LLAMA3},
    {"rope_type": "llama3", **LLAMA3},
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
    {"rope_type": "yarn", "factor": 8.0, "truncate": False, "beta_fast": 16, "beta_slow": 2},
    {"rope_type": "yarn", "factor": 40.0, "mscale": 0.7, "mscale_all_dim": 1.3},
    {"rope_type": "yarn", "factor": 4.0, "attention_factor": 0.5},
    {"rope_type": "yarn", "factor": 1.0},
]


@pytest.mark.parametrize("head_dim", [64, 80, 128])
@pytest.mark.parametrize("theta", [1e4, 1e6])
@pytest.mark.parametrize("table", TABLES, ids=lambda t: "-".join(map(str, t.values())))
def test_as_transformers(table: dict[str, Any], theta: float, head_dim: int) -> None:
    keys: dict[str, Any] = {
        "max_position_embeddings": 40960,
        "head_dim": head_dim,
        "rope_parameters": table | {"rope_theta": theta},
    }
    expected = LlamaRotaryEmbedding(transformers.LlamaConfig(**keys))
    model = model_from_config({"model_type": "llama", **keys}, name="m", where="test")
    inv_freq, factor = rope_inv_freq(model)
    assert inv_freq.dtype == np.float64
    assert inv_freq.shape == (head_dim // 2,)
    np.testing.assert_allclose(inv_freq, expected.inv_freq.numpy(), rtol=2e-6)
    assert factor == pytest.approx(expected.attention_scaling, rel=1e-12)


def test_by_hand() -> None:
    inv_freq, factor = rope_inv_freq(load_model("qwq-32b"))
    assert factor == 1.0
    assert inv_freq[0] == 1.0
    assert inv_freq[32] == pytest.approx(1e-3)  # theta^(-64/128)
    assert math.log(inv_freq[63]) == pytest.approx(-126 / 128 * math.log(1e6))
