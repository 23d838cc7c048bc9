"""The commands as a user calls them, on models that fit in a cache, beside a small ceiling."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file

from tests.records.kept import exact
from tests.small import (
    clean_registry,
    few_copies,
    model,
    nothing_tuned,
    one_thread,
    small_ceiling,
)
from truetpot.cli import main
from truetpot.records.collectives import CollectivesRecord
from truetpot.records.decode import DecodeRecord
from truetpot.records.kernels import KernelsRecord
from truetpot.records.tune import TuneRecord

__all__ = [
    "clean_registry", "few_copies", "model", "nothing_tuned", "one_thread", "small_ceiling",
]  # fmt: skip


@pytest.fixture(scope="session")
def check_decode():
    """Hold a decode record against its contract."""
    return lambda record: exact(record, DecodeRecord)


@pytest.fixture(scope="session")
def check_kernels():
    """Hold a kernels record against its contract."""
    return lambda record: exact(record, KernelsRecord)


@pytest.fixture(scope="session")
def check_collectives():
    """Hold a collectives record against its contract."""
    return lambda record: exact(record, CollectivesRecord)


@pytest.fixture(scope="session")
def check_tune():
    """Hold a tune record against its contract."""
    return lambda record: exact(record, TuneRecord)


@dataclass
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def record(self):
        return json.loads(self.out)

    @property
    def sentence(self):
        """The one line on standard error that follows the status lines."""
        return self.err.strip().splitlines()[-1]


@pytest.fixture
def cli(capfd):
    """Call a command in this process: ``cli("floor", "--tp", 4)``."""

    def call(*args):
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Done(stopped.value.code, out, err)

    return call


@pytest.fixture
def checkpoint(model):
    """The tiny model with weights."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator) * shape[-1] ** -0.5

    tensors = {
        "model.embed_tokens.weight": normal(208, 128),
        "model.norm.weight": torch.ones(128),
        "lm_head.weight": normal(208, 128),
    }
    for layer in range(3):
        parts = {
            "self_attn.q_proj.weight": normal(128, 128),
            "self_attn.k_proj.weight": normal(64, 128),
            "self_attn.v_proj.weight": normal(64, 128),
            "self_attn.q_proj.bias": normal(128),
            "self_attn.k_proj.bias": normal(64),
            "self_attn.v_proj.bias": normal(64),
            "self_attn.o_proj.weight": normal(128, 128),
            "mlp.gate_proj.weight": normal(192, 128),
            "mlp.up_proj.weight": normal(192, 128),
            "mlp.down_proj.weight": normal(128, 192),
            "input_layernorm.weight": torch.ones(128),
            "post_attention_layernorm.weight": torch.ones(128),
        }
        tensors |= {f"model.layers.{layer}.{name}": value for name, value in parts.items()}
    save_file(tensors, model / "model.safetensors")
    return model
