"""Small random models of each family, made and saved by transformers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from tests.decode.steps import step_of
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.errors import UserError
from truetpot.facts.models import Model, load_model
from truetpot.facts.workload import Workload
from truetpot.runtime.choose import choose_device
from truetpot.runtime.cpu import CpuDevice

TOKENS = 14

_SMALL = {
    "vocab_size": 208,
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 192,
    "max_position_embeddings": 64,
    "initializer_range": 0.02,
}
_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
_YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 16,
}
CONFIGS = {
    "qwen2": ("Qwen2", {}),
    # five query heads share a key head, as in QwQ-32B
    "qwen2-tied-yarn": (
        "Qwen2",
        {
            "tie_word_embeddings": True,
            "hidden_size": 160,
            "num_attention_heads": 5,
            "num_key_value_heads": 1,
            "rope_parameters": _YARN,
        },
    ),
    # heads x head_dim is not hidden, as in Qwen3-32B
    "qwen3": ("Qwen3", {"head_dim": 64, "num_attention_heads": 4, "num_key_value_heads": 1}),
    "qwen3-tied-biased": (
        "Qwen3",
        {"head_dim": 32, "tie_word_embeddings": True, "attention_bias": True},
    ),
    "llama": ("Llama", {"num_key_value_heads": 4, "vocab_size": 205}),
    "llama-tied-biased-llama3": (
        "Llama",
        {
            "tie_word_embeddings": True,
            "attention_bias": True,
            "num_hidden_layers": 3,
            "rope_parameters": _LLAMA3,
        },
    ),
}
OTHERS = {
    "mistral": ("Mistral", {"head_dim": 32, "sliding_window": None}),
    "phi3": ("Phi3", {"sliding_window": None, "pad_token_id": 0}),
    "exaone4": (
        "Exaone4",
        {
            "sliding_window": None,
            "layer_types": ["full_attention"] * 2,
            "tie_word_embeddings": True,
        },
    ),
}
"""Other configs, checkpoints and layers of the same kernels: each is run once."""


@cache
def opencl_cpu():
    """The CPU behind OpenCL, one for all tests: its compiled programs stay with it."""
    try:
        return choose_device("opencl:cpu")
    except UserError as error:
        pytest.skip(str(error))


@dataclass
class Checkpoint:
    """A saved model: transformers' object in float32, its directory, our description of it."""

    hf: transformers.PreTrainedModel
    directory: Path
    model: Model

    def shape(self, dtype="fp32", weight_format=None, kv_format=None, **changes):
        shape = Workload(
            context=TOKENS - 1,
            format=weight_format or dtype,
            kv_format=kv_format or dtype,
            dtype=dtype,
            batch=1,
            tp=1,
        )
        return dataclasses.replace(shape, **changes)

    def step(self, provider="torch", rank=0, **shape):
        given = self.shape(**shape)
        weights = CheckpointWeights(self.directory, self.model, given, rank)
        device = opencl_cpu() if provider == "opencl" else CpuDevice()
        return step_of(self.model, given, device, provider, weights, rank=rank)

    def tokens(self, *shape):
        return np.random.default_rng(1).integers(0, self.model.vocab, shape or TOKENS)

    def logits(self, tokens, dtype=torch.float32):
        """transformers' own forward over the whole sequence, [T, vocab] float32."""
        hf = self.hf
        if dtype != torch.float32:  # loaded, not converted: that would round the rope table too
            hf = type(hf).from_pretrained(self.directory, dtype=dtype)
        with torch.no_grad():
            return hf(torch.tensor(tokens)[None]).logits[0].float().numpy()


def randomise(hf):
    """Weights that keep unit variance, norms about 1, in values that bf16 holds exactly."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in hf.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 2:
                noise *= parameter.shape[1] ** -0.5
            else:
                noise = 0.1 * noise + ("norm" in name)
            parameter.copy_(noise.to(torch.bfloat16).float())


@pytest.fixture(autouse=True)
def one_torch_thread():
    """Models this small are all synchronisation, which a busy machine makes 100 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """``checkpoint("qwen2")``: the model of that name in CONFIGS, made once."""
    made = {}

    def make(name):
        if name not in made:
            family, changes = (CONFIGS | OTHERS)[name]
            config = getattr(transformers, f"{family}Config")(**(_SMALL | changes))
            hf = getattr(transformers, f"{family}ForCausalLM")(config).eval()
            randomise(hf)
            directory = tmp_path_factory.mktemp(name)
            hf.save_pretrained(directory)
            made[name] = Checkpoint(hf, directory, load_model(directory))
        return made[name]

    return make


@pytest.fixture(params=CONFIGS)
def every_checkpoint(request, checkpoint):
    """The models of CONFIGS, one after the other."""
    return checkpoint(request.param)


@pytest.fixture
def tiny():
    """A model for synthetic weights; no file behind it."""
    return Model(
        name="tiny",
        family="qwen2",
        hidden=128,
        layers=3,
        heads=4,
        kv_heads=2,
        head_dim=32,
        intermediate=192,
        vocab=208,
        qkv_bias=True,
        o_bias=False,
        qk_norm=False,
        tied=False,
        rms_eps=1e-6,
        rope_theta=10000.0,
        max_position=64,
        source="invented",
    )
