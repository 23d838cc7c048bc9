"""Bad input: exit code 2, one sentence on what and what to do, no traceback."""

import json

import pytest
from safetensors.torch import load_file, save_file

from truetpot.runtime.cpu import CpuDevice

TINY = ["--context", 20, "--seconds", 0.1]

CASES = {
    "unknown model": (["decode", "--model", "gpt-5"], "known are qwq-32b"),
    "no config": (["decode", "--model", "./nowhere"], "config.json"),
    "no such option": (["decode", "--formt", "bf16"], "--formt"),
    "no such command": (["measure"], "measure"),
    "not a number": (["decode", "--batch", "many"], "--batch"),
    "out of range": (["decode", "--context", "-1"], "--context"),
    "no budget": (["decode", "--seconds", "0"], "--seconds"),
    "absent device": (["decode", "--device", "xpu:7"], "xpu:7"),
    "unknown device": (["decode", "--device", "tpu"], "use auto, cpu"),
    "unknown provider": (["decode", "--provider", "nobody"], "known are"),
    "empty provider": (["decode", "--provider", ","], "--provider"),
    "no kernel": (["decode", "--provider", "numba", "--kernels", "nowhere"], "nowhere"),
    "unknown format": (["decode", "--format", "int3"], "sym_int4"),
    "format without arithmetic": (["decode", "--format", "q4_0"], "sym_int4"),
    "unknown kv format": (["decode", "--kv-format", "fp8_ipex"], "--kv-format"),
    "unknown dtype": (["decode", "--dtype", "fp64"], "--dtype"),
    "shard without slash": (["decode", "--shard", "2"], "R/N"),
    "shard out of range": (["decode", "--shard", "4/4"], "R/N"),
    "shard that does not divide": (["decode", "--shard", "0/3"], "tp = 3"),
    "more layers than there are": (["decode", "--layers", 65], "has 64"),
    "trace of a cpu": (["decode", "--device", "cpu", "--trace", "x.json.gz"], "no kernels of cpu"),
    "trace of a sweep": (["decode", "--context", "0,64", "--trace", "x.json.gz"], "one point"),
    "trace of logits": (["decode", "--tokens", "5", "--trace", "x.json.gz"], "leave out --trace"),
    "logits without tokens": (["decode", "--save-logits", "x.npy"], "--tokens"),
    "tokens without meaning": (["decode", "--tokens", "5;17"], "--tokens"),
    "tokens and batch": (["decode", "--tokens", "5", "--batch", 2], "--batch"),
    "no folder for json": (["decode", "--json", "no/where.json"], "no"),
    "no folder for svg": (["decode", "--svg", "no/where.svg"], "no"),
    "no checkpoint": (["decode", "--weights", "nowhere"], "nowhere"),
    "two models": (["decode", "--weights", "a", "--model", "qwq-32b"], "--model"),
    "kernels: unknown op": (["kernels", "--op", "conv"], "known are add"),
    "kernels: unknown role": (["kernels", "--role", "query"], "known are argmax"),
    "kernels: no case": (["kernels", "--op", "argmax", "--role", "qkv"], "no case of argmax, qkv"),
    "kernels: unknown format": (["kernels", "--format", "bf16,int3"], "int3"),
    "kernels: bad shape": (["kernels", "--shape", "n=3"], "n=27648,k=5120"),
    "kernels: shape of letters": (["kernels", "--shape", "3xk"], "27648x5120"),
    "tune: bad shape": (["tune", "--shape", "0x64"], "27648x5120"),
    "kernels: configurations of all": (
        ["kernels", "--config", "default", "--provider", "all"], "name one --provider",
    ),
    "kernels: configurations of two": (
        ["kernels", "--config", "default", "--provider", "numba,torch"], "name one --provider",
    ),
    "kernels: no configuration": (
        ["kernels", "--op", "memory_read", "--config", "streams"], "of the form rows=2,split=4",
    ),
    "kernels: configurations of collectives": (
        ["kernels", "--op", "all_reduce", "--config", "default"], "leave out --config",
    ),
    "kernels: shape of another": (["kernels", "--shape", "n=4,k=4", "--op", "argmax"], "argmax"),
    "kernels: bad tp": (["kernels", "--tp", 3], "tp = 3"),
    "isa: unknown dtype": (["isa", "--dtype", "int8"], "choose from bf16, fp16, fp32"),
    "tune: no folder for T4": (["tune", "--t4", "-"], "--t4 - is no folder"),
    "report: standard output": (["report", "x.json", "--html", "-"], "--json alone takes it"),
    "fleet: standard output": (["fleet", "x.json", "--csv", "-"], "--json alone takes it"),
    "too many": (["floor", "--batch", "9" * 20], "give at most 1,000,000,000,000"),
    "floor: unknown card": (["floor", "--device", "rtx"], "known are arc-a770"),
    "floor: bad tp": (["floor", "--tp", 0], "tp = 0"),
    "floor: bad context": (["floor", "--context", "long"], "1024:5120"),
    "floor: empty range": (["floor", "--context", "1024:1024"], "1024:1024"),
    "floor: bad batch": (["floor", "--batch", 0], "batch"),
    "floor: unknown format": (["floor", "--format", "int3"], "int3"),
    "floor: unknown kv format": (["floor", "--kv-format", "int3"], "int3"),
    "providers: absent device": (["providers", "--device", "cuda:9"], "cuda:9"),
}


def sentence(done):
    """The one sentence; nothing else may look like an error."""
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("truetpot: ")]
    assert line == done.sentence
    assert line.endswith(".")
    return line


@pytest.mark.parametrize("name", CASES)
def test_a_mistake(cli, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args, says = CASES[name]
    done = cli(*args)
    assert says in sentence(done)
    assert done.out == ""
    assert not list(tmp_path.iterdir())


def test_not_enough_memory(cli, monkeypatch):
    monkeypatch.setattr(CpuDevice, "free_bytes", lambda self: 1 << 30)
    assert "are free; choose a" in sentence(cli("decode", *TINY))


def test_logits_need_all_of_the_model(cli, monkeypatch):
    monkeypatch.setattr(CpuDevice, "free_bytes", lambda self: 4 << 30)
    assert "logits need all" in sentence(cli("decode", "--tokens", "1,2"))


def test_no_config(cli, tmp_path):
    assert "config.json" in sentence(cli("decode", "--weights", tmp_path))


def test_an_unsupported_config(cli, model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"model_type": "mamba2"}))
    assert "mamba2" in sentence(cli("decode", "--model", model))
    (model / "config.json").write_text(json.dumps(config | {"model_type": "mixtral"}))
    assert "mixture of experts" in sentence(cli("decode", "--model", model))
    (model / "config.json").write_text("{")
    assert "config.json" in sentence(cli("decode", "--model", model))


def test_no_safetensors(cli, model):
    assert "model.safetensors" in sentence(cli("decode", "--weights", model, *TINY))


def test_truncated_safetensors(cli, checkpoint):
    file = checkpoint / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    assert "truncated" in sentence(cli("decode", "--weights", checkpoint, *TINY))


def test_wrong_shapes(cli, checkpoint):
    file = checkpoint / "model.safetensors"
    tensors = load_file(file)
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:, :64].contiguous()
    save_file(tensors, file)
    said = sentence(cli("decode", "--weights", checkpoint, *TINY))
    assert "lm_head.weight" in said
    assert "[208, 64]" in said


def test_a_token_the_model_does_not_have(cli, checkpoint):
    assert "0 to 207" in sentence(cli("decode", "--weights", checkpoint, "--tokens", "1,208"))


def test_a_share_has_no_logits(cli, checkpoint):
    given = ["--tokens", "1", "--shard", "0/2"]
    assert "--shard" in sentence(cli("decode", "--weights", checkpoint, *given))


def test_a_file_that_cannot_be_written(cli, tmp_path):
    assert "is a folder" in sentence(cli("floor", "--json", tmp_path))
