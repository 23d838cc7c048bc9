"""``truetpot decode``: the record is a contract, and nothing is done silently."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from truetpot.decode.fit import needs
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.runtime.cpu import CpuDevice
from truetpot.runtime.device import Timing

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_kernels"
QUICK = ["--seconds", 0.1, "--context", 20]


@pytest.fixture
def decode(cli, model, check_decode):
    """``decode(...)``: the tiny model, quickly, the record checked field by field.

    By torch, unless a test names another provider: numba compiles for seconds.
    """

    def call(*args):
        done = cli("decode", "--model", model, *QUICK, "--provider", "torch", "--json", *args)
        if done.out:
            check_decode(done.record)
        return done

    return call


def test_the_step_is_fused_once(decode, monkeypatch):
    """What is checked, built, timed and checked again is one program."""
    from truetpot.decode import selected

    fused, calls = selected.fused_program, []

    def noted(*args):
        calls.append(args)
        return fused(*args)

    monkeypatch.setattr(selected, "fused_program", noted)
    assert decode().code == 0
    assert len(calls) == 1


def test_the_record(decode):
    done = decode("--provider", "numba,torch")
    assert done.code == 0, done.err
    record = done.record
    assert record["kind"] == "decode"
    assert record["model"] == "tiny"
    assert (record["layers_measured"], record["layers_total"]) == (3, 3)
    assert record["extrapolation"] is None
    assert record["finished"]
    assert not record["partial"]
    assert record["valid"]
    assert list(record["rungs"]) == ["spec", "ceiling", "kernels", "step", "eager"]
    assert record["rungs"]["eager"] is None, "a CPU has no graphs"
    assert record["rungs"]["spec"] is None, "no CPU is in the tables"
    for name in ("ceiling", "kernels", "step"):
        assert record["rungs"][name]["ms_per_token"] > 0
        assert not record["rungs"][name]["extrapolated"]
    step = record["step_timing"]
    assert step["median_s"] * 1e3 == pytest.approx(record["rungs"]["step"]["ms_per_token"])
    assert len(step["samples_s"]) == len(step["wall_samples_s"]) == step["rounds"] >= 10
    assert step["stop"] in ("noise", "time")
    assert step["wall_median_s"] >= step["median_s"] * 0.999
    assert record["ceiling"]["gb_s"] == max(record["ceiling"]["swept_gb_s"].values())
    assert record["providers"]["qkv"] == "numba"
    assert record["peak_rss_bytes"] > 1 << 20


def test_the_operators_add_up(decode):
    record = decode().record
    rows = record["operators"]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    counts = {row["role"]: row["count"] for row in rows}
    assert counts["qkv"] == counts["down"] == 3
    assert counts["lm_head"] == counts["argmax"] == 1
    for row in rows:
        assert row["provider"] == "torch"
        assert row["ci_s"][0] <= row["median_s"] <= row["ci_s"][1]


def test_what_people_see(cli, model, tmp_path, check_decode):
    picture, file = tmp_path / "decode.svg", tmp_path / "decode.json"
    decode = ["decode", "--model", model, *QUICK, "--provider", "torch"]
    done = cli(*decode, "--svg", picture, "--json", file)
    assert done.code == 0
    for text in ("tiny", "step", "kernels", "ceiling", "silu_mul", "of the ceiling"):
        assert text in done.out
    # lines break where the CPU's name lets them
    assert "is not in the tables" in " ".join(done.out.split())
    assert "timing the step" in done.err
    check_decode(json.loads(file.read_text()))
    drawn = [rung for rung in json.loads(file.read_text())["rungs"].values() if rung is not None]
    assert picture.read_text().count('class="mark') == len(drawn) == 3


def test_some_layers_are_extrapolated_and_said_to_be(cli, decode, model):
    done = decode("--layers", 1)
    record = done.record
    assert (record["layers_measured"], record["layers_total"]) == (1, 3)
    assert record["extrapolation"] == "measured 1 of 3 layers, extrapolated"
    assert record["extrapolation"] in record["warnings"]
    assert record["extrapolation"] in done.err
    assert record["rungs"]["step"]["extrapolated"]
    printed = cli("decode", "--model", model, *QUICK, "--provider", "torch", "--layers", 1).out
    assert "measured 1 of 3 layers, extrapolated" in printed


def test_a_share_by_name(decode):
    record = decode("--shard", "1/2", "--format", "bf16").record
    assert (record["tp"], record["rank"], record["sharded"]) == (2, 1, False)
    assert record["layers_measured"] == 3


@pytest.fixture
def free(monkeypatch):
    def set_free(count):
        monkeypatch.setattr(CpuDevice, "free_bytes", lambda self: count)

    return set_free


def test_a_share_for_want_of_memory_is_said_to_be_one(decode, free, model):
    known = load_model(model)
    whole = Workload(context=20, format="bf16", kv_format="bf16", dtype="bf16", batch=1, tp=1)
    free(needs(known, whole).total - 1 + (16 << 20))
    done = decode("--format", "bf16")
    record = done.record
    assert record["sharded"]
    assert record["tp"] == 2
    assert any("does not fit" in warning for warning in record["warnings"])
    assert "does not fit" in done.err
    assert "rank 0 of tp = 2" in record["plan"]["sentence"]


def test_layers_for_want_of_memory_are_said_to_be_some(decode, free, model):
    share = Workload(context=20, format="bf16", kv_format="bf16", dtype="bf16", batch=1, tp=2)
    free(needs(load_model(model), share, 2).total + (16 << 20))
    record = decode("--format", "bf16", "--shard", "0/2").record
    assert record["layers_measured"] == 2
    assert record["extrapolation"] == "measured 2 of 3 layers, extrapolated"


def test_a_share_by_name_is_not_replaced(cli, model, free):
    whole = Workload(context=20, format="bf16", kv_format="bf16", dtype="bf16", batch=1, tp=1)
    free(needs(load_model(model), whole).total - 1 + (16 << 20))
    done = cli("decode", "--model", model, *QUICK, "--shard", "0/1", "--format", "bf16")
    assert done.code == 2
    assert "leave out --shard" in done.sentence


def test_an_impossible_sample_makes_the_run_invalid(decode, monkeypatch):
    real = CpuDevice.time_calls

    def broken(self, calls, **options):
        timing = real(self, calls, **options)
        return Timing(timing.device_s, timing.device_s / 2, timing.enqueue_s)

    monkeypatch.setattr(CpuDevice, "time_calls", broken)
    done = decode()
    assert done.code == 1
    assert not done.record["valid"]
    assert "INVALID RUN" in done.err


WRONG = """
import torch
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="wrong", devices=("cpu",))
class Wrong(Kernel):
    def __call__(self, *, gate_up):
        gate, up = gate_up.chunk(2, dim=-1)
        return (gate * up).contiguous()
"""


def test_a_wrong_kernel_has_no_time(decode, tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = decode("--kernels", tmp_path, "--provider", "wrong,torch")
    assert done.code == 1
    record = done.record
    assert not record["valid"]
    assert record["rungs"]["step"] is None
    assert any("wrong silu_mul" in warning for warning in record["warnings"])


def test_a_kernel_of_ones_own(decode):
    given = ["--kernels", EXAMPLE, "--format", "sym_int4"]
    record = decode(*given, "--provider", "mine,torch").record
    assert record["providers"]["silu_mul"] == "mine"
    record = decode(*given).record
    assert "no kernel of mine is part of this step" in record["warnings"][-1]


def test_tokens_and_logits(cli, checkpoint, tmp_path):
    file = tmp_path / "logits"
    given = ["decode", "--weights", checkpoint, "--format", "fp32", "--dtype", "fp32"]
    given += ["--provider", "torch"]
    done = cli(*given, "--tokens", "5,17,3", "--save-logits", file)
    assert done.code == 0, done.err
    logits = np.load(file)
    assert logits.shape == (3, 208)
    assert logits.dtype == np.float32
    likeliest = [int(i) for i in logits.argmax(axis=1)]
    assert done.out.splitlines()[0].endswith(", ".join(map(str, likeliest)))
    record = cli(*given, "--tokens", "5,17,3", "--json").record
    assert record["kind"] == "logits"
    assert record["likeliest"] == likeliest
    # in float32 to the end: the cache is as the activations
    assert record["kv_format"] == "fp32"
    hf = transformers.Qwen2ForCausalLM.from_pretrained(checkpoint)
    with torch.no_grad():
        want = hf(torch.tensor([[5, 17, 3]])).logits[0].numpy()
    np.testing.assert_allclose(logits, want, atol=1e-5)


def test_an_index_that_is_not_used_is_named(cli, checkpoint, tmp_path):
    (checkpoint / "model.safetensors.index.json").write_text('{"weight_map": {"a": "gone"}}')
    given = ["decode", "--weights", checkpoint, "--provider", "torch"]
    note = "weights are read from model.safetensors: model.safetensors.index.json beside it"
    done = cli(*given, "--tokens", "5")
    assert done.code == 0, done.err
    assert note in " ".join(done.out.split())
    done = cli(*given, *QUICK, "--json")
    assert any(warning.startswith(note) for warning in done.record["warnings"])


def test_a_verify_step(decode, cli, checkpoint, tmp_path):
    done = decode("--query-tokens", 4, "--batch", 2)
    assert (done.code, done.record["query_tokens"], done.record["batch"]) == (0, 4, 2), done.err
    by_role = {row["role"]: row["bytes"] for row in done.record["operators"]}
    vocab = load_model(checkpoint).vocab
    assert by_role["argmax"] == 8 * (2 * vocab + 8), "logits and ids of eight rows"
    command = ["decode", "--weights", checkpoint, "--provider", "torch", "--dtype", "fp32"]
    command += ["--format", "fp32", "--tokens", "5,17,3,9,4,8,1,2"]
    for name, tokens in (("one", 1), ("four", 4)):
        path = tmp_path / f"{name}.npy"
        assert cli(*command, "--query-tokens", tokens, "--save-logits", path).code == 0
    one, four = (np.load(tmp_path / f"{name}.npy") for name in ("one", "four"))
    assert one.shape == four.shape == (8, vocab)
    np.testing.assert_allclose(four, one, atol=1e-4)
    done = cli(*command, "--query-tokens", 3)
    assert done.code == 2
    assert "not whole steps of 3 query tokens" in done.err


def test_a_checkpoint_is_timed_too(cli, checkpoint):
    done = cli("decode", "--weights", checkpoint, *QUICK, "--provider", "torch", "--json")
    assert done.code == 0, done.err
    assert done.record["weights"] == str(checkpoint)
    assert done.record["model"] == "tiny"
