"""The commands as a user calls them, on models that fit in a cache, beside a small ceiling."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save_file

from truetpot.cli import main
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


DECODE = {
    "schema_version": int, "kind": str, "started": str, "command": str, "environment": dict,
    "model": str, "format": str, "kv_format": str, "dtype": str, "context": int, "batch": int,
    "page": int | None, "tp": int, "rank": int, "sharded": bool, "device": str,
    "weights": str | None, "seed": int, "layers_measured": int, "layers_total": int,
    "extrapolation": str | None, "parameters": int, "rungs": dict, "losses": dict,
    "share_of_ceiling": float | None, "operators": list, "valid": bool, "warnings": list,
    "step_timing": dict | None, "ceiling": dict | None, "providers": dict, "plan": dict,
    "build_s": float | None, "ranks": list, "communication": dict | None, "collectives": list,
    "state_after": dict, "peak_rss_bytes": int, "finished": bool, "partial": bool,
    "interrupted_during": str | None,
}  # fmt: skip
OPERATOR = {
    "op": str, "role": str, "provider": str, "count": int, "median_s": float, "ci_s": list,
    "cv": float, "share": float, "share_of_ceiling": float | None, "bytes": int, "case": str,
    "config": dict, "at_step_s": float | None,
}  # fmt: skip
STEP = {
    "rounds": int, "submitted": str, "eager": dict | None, "stop": str, "median_s": float,
    "ci_s": list, "cv": float,
    "wall_median_s": float, "wall_ci_s": list, "enqueue_median_s": float, "bytes": int,
    "samples_s": list, "wall_samples_s": list,
}  # fmt: skip
KERNELS = {
    "schema_version": int, "kind": str, "started": str, "command": str, "environment": dict,
    "partial": bool, "model": str | None, "ceiling": dict | None, "results": list,
    "warnings": list, "state_after": dict,
}  # fmt: skip
RESULT = {
    "op": str, "case": str, "format": str, "roles": list, "provider": str, "device": str,
    "note": str, "status": str, "reason": str, "median_s": float | None, "ci_s": list | None,
    "cv": float | None, "min_s": float | None, "wall_median_s": float | None,
    "samples": int | None, "calls_per_sample": int | None, "submitted": str | None,
    "stop": str | None, "bytes": int,
    "flops": int, "gb_s": float | None, "share_of_ceiling": float | None,
    "time_over_best": float | None, "error": float | None, "tolerance": float | None,
    "cache": str, "copies": int, "config": dict | None, "share_ci": list | None,
    "over_best_ci": list | None, "order": str | None, "ceiling_gb_s": float | None,
}  # fmt: skip
RANK = {
    "rank": int, "host": str, "device": str, "name": str, "uuid": str | None,
    "pci_address": str | None, "kernels_ms": float, "collectives_ms": float, "step_ms": float,
    "ceiling_gb_s": float, "state": dict,
}  # fmt: skip
COMMUNICATION = {
    "backend": str, "count": int, "payload_bytes": int, "alone_ms": float, "exposed_ms": float,
}  # fmt: skip
COLLECTIVES = {
    "schema_version": int, "kind": str, "started": str, "command": str, "environment": dict,
    "partial": bool, "model": str, "tp": int, "backend": str, "results": list,
    "warnings": list, "state_after": dict,
}  # fmt: skip
COLLECTIVE = {
    "op": str, "case": str, "provider": str, "in_place": bool, "submitted": str, "status": str,
    "reason": str, "payload_bytes": int, "p50_s": float | None, "p99_s": float | None,
    "rank_medians_s": list | None, "algorithm_gb_s": float | None, "samples": int,
    "calls_per_sample": int, "error": float | None, "tolerance": float | None,
}  # fmt: skip
TUNE = {
    "schema_version": int, "kind": str, "started": str, "command": str, "environment": dict,
    "partial": bool, "model": str, "device": str, "file": str, "ceiling": dict | None,
    "results": list, "warnings": list, "state_after": dict,
}  # fmt: skip
TUNED = {
    "op": str, "case": str, "format": str, "roles": list, "provider": str, "status": str,
    "reason": str, "when": str | None, "default": dict | None, "best": dict | None, "looks": list,
}  # fmt: skip
FIGURES = {
    "config": dict, "reason": str, "median_s": float | None, "gain": float | None,
    "gain_ci": list | None, "share_of_ceiling": float | None,
}  # fmt: skip


@pytest.fixture(scope="session")
def records():
    """Fields and types, by the heading under which `docs/records.md` has them."""
    tune = TUNE | TUNED | FIGURES
    collectives = COLLECTIVES | COLLECTIVE
    ranks = {"ranks and communication": RANK | COMMUNICATION, "collectives": collectives}
    return ranks | {"decode": DECODE | OPERATOR | STEP, "kernels": KERNELS | RESULT, "tune": tune}


def typed(record, fields):
    """Exactly these fields, of these types."""
    assert set(record) == set(fields)
    for name, kind in fields.items():
        assert isinstance(record[name], kind), (name, record[name])


@pytest.fixture(scope="session")
def check_decode():
    """Hold a decode record against its contract."""

    def check(record):
        typed(record, DECODE)
        for row in record["operators"]:
            typed(row, OPERATOR)
        for row in record["ranks"]:
            typed(row, RANK)
        if record["communication"] is not None:
            typed(record["communication"], COMMUNICATION)
        if record["step_timing"] is not None:
            typed(record["step_timing"], STEP)

    return check


@pytest.fixture(scope="session")
def check_kernels():
    """Hold a kernels record against its contract."""

    def check(record):
        typed(record, KERNELS)
        for result in record["results"]:
            typed({name: v for name, v in result.items() if name != "samples_s"}, RESULT)

    return check


@pytest.fixture(scope="session")
def check_collectives():
    """Hold a collectives record against its contract."""

    def check(record):
        typed(record, COLLECTIVES)
        for result in record["results"]:
            typed({name: v for name, v in result.items() if name != "samples_s"}, COLLECTIVE)

    return check


@pytest.fixture(scope="session")
def check_tune():
    """Hold a tune record against its contract."""

    def check(record):
        typed(record, TUNE)
        for result in record["results"]:
            typed(result, TUNED)
            for one in (result["default"], result["best"], *result["looks"]):
                if one is not None:
                    typed(one, FIGURES)

    return check


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
    monkeypatch.setattr("truetpot.measure.kernels.ROTATED_BYTES", 1 << 20)
    monkeypatch.setattr("truetpot.measure.kernels.MOST_COPIES", 4)
