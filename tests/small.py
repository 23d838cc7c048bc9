"""A model that fits in a cache beside a small ceiling, for commands and what they call."""

import json

import pytest
import torch

from truetpot.ops.registry import REGISTRY

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


@pytest.fixture
def model(tmp_path):
    """A folder with nothing but the config.json of a tiny model."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


@pytest.fixture(autouse=True)
def small_ceiling(monkeypatch, clean_registry):
    """A buffer that is made in no time; where it is read from does not matter here."""
    for place in ("measure.ceiling", "runs.decode", "runs.kernels", "runs.sweep", "runs.tune"):
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
