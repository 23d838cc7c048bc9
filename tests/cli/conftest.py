"""The commands as a user calls them, on models that fit in a cache, beside a small ceiling."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file

from tests.records.kept import exact
from truetpot.cli import main
from truetpot.ops.registry import REGISTRY
from truetpot.records.collectives import CollectivesRecord
from truetpot.records.decode import DecodeRecord
from truetpot.records.kernels import KernelsRecord
from truetpot.records.tune import TuneRecord

CONFIG = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 192,
    "vocab_size": 208,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "hidden_act": "silu",
}


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
def model(tmp_path):
    """A folder with nothing but the config.json of a tiny model."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


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


@pytest.fixture(autouse=True)
def small_ceiling(monkeypatch, clean_registry):
    """A buffer that is made in no time; where it is read from does not matter here."""
    for place in ("measure.ceiling", "cli.decode_run", "cli.kernels_run"):
        monkeypatch.setattr(f"truetpot.{place}.buffer_bytes", lambda device: 16 << 20)
    (numba,) = REGISTRY.kernels("memory_read", "numba")
    monkeypatch.setattr(numba, "configs", lambda case, device: ({},))  # each is compiled anew


@pytest.fixture(autouse=True)
def clean_registry(monkeypatch):
    """What a test registers is gone after it."""
    REGISTRY.load_builtin()
    REGISTRY.kernels()  # imports them, so that none is first registered within a test
    kernels = {key: list(found) for key, found in REGISTRY._kernels.items()}
    monkeypatch.setattr(REGISTRY, "_kernels", kernels)
    monkeypatch.setattr(REGISTRY, "_missing", dict(REGISTRY._missing))
    monkeypatch.setattr(REGISTRY, "_seen", set(REGISTRY._seen))


@pytest.fixture(autouse=True)
def one_thread():
    """Models this small are all synchronisation, which a busy machine makes 100 times slower."""
    import numba

    threads = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


@pytest.fixture(autouse=True)
def nothing_tuned(monkeypatch, tmp_path):
    """What the user of this machine has tuned has no part in the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def few_copies(monkeypatch):
    """Kernels rotate through a MiB, not a GiB, and no cache holds that."""
    monkeypatch.setattr("truetpot.runtime.cpu.CpuDevice.cache_bytes", lambda self: 1 << 10)
    monkeypatch.setattr("truetpot.measure.rotation.ROTATED_BYTES", 1 << 20)
    monkeypatch.setattr("truetpot.measure.rotation.MOST_COPIES", 4)
