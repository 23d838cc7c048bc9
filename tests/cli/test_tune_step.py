"""``truetpot tune --step``: the whole step keeps what it gains by, and says what it does not."""

import tomllib

import pytest

from truetpot.tune import fresh

pytestmark = pytest.mark.timing

KERNEL = """
import time

import numpy as np
import torch
from truetpot.formats import dequantise
from truetpot.ops import LINEAR
from truetpot.ops.registry import Kernel, register

last = None

@register(LINEAR, provider="mine", devices=("cpu",))
class Mine(Kernel):
    def __init__(self, case, device, sleep=True, shy=False, turned=False):
        super().__init__(case, device, sleep=sleep, shy=shy, turned=turned)

    @classmethod
    def configs(cls, case, device):
        yield {}
        if (case.n, case.k) == (128, 128):  # o
            yield {"sleep": False, "turned": True}
        elif case.n == 384:  # gate_up: fast while nothing else runs
            yield {"sleep": False, "shy": True}

    def pack(self, weight):
        whole = torch.from_numpy(dequantise(weight).astype(np.float32))
        return whole if self.config["turned"] else whole.T.contiguous()

    def __call__(self, *, x, weight, bias):
        global last
        if self.config["sleep"]:
            time.sleep(5e-3)
        if self.config["shy"] and last is not self:
            time.sleep(3e-2)
        last = self
        out = x.float() @ (weight.T if self.config["turned"] else weight)
        return (out if bias is None else out + bias.float()).to(x.dtype)
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "kernels"
    path.mkdir()
    (path / "mine.py").write_text(KERNEL)
    return path


@pytest.fixture
def tune(cli, model, folder, tmp_path, monkeypatch):
    def in_new_processes(orders, limit_s, at_once):
        for answer in map(fresh._answer, orders):
            assert answer.gain is not None, answer.reason
            yield fresh.Ratio(*answer.gain)

    monkeypatch.setattr("truetpot.runs.tune_search.in_new_processes", in_new_processes)

    def call(*args):
        return cli(
            *("tune", "--step", "--model", model, "--kernels", folder, "--format", "bf16"),
            *("--provider", "mine,torch", "--context", 20, "--seconds", 1, *args),
            *("--out", tmp_path / "out.toml"),
        )

    return call


def test_the_step_decides(tune, check_tune, tmp_path):
    done = tune("--layers", 2, "--json")
    assert done.code == 0, done.err
    record = done.record
    check_tune(record)
    step = record["step"]
    assert (step["submitted"], step["layers"]) == ("eager", 2)
    o, gate_up = sorted(step["entries"], key=lambda one: "n=384" in one["case"])
    assert o["alone"] > 1.2
    assert gate_up["alone"] > 1.2
    assert (o["kept"], o["verdict"]) == (True, "faster")
    assert o["gain_ci"][0] > 1
    assert (gate_up["kept"], gate_up["verdict"]) == (False, "slower")
    assert gate_up["gain_ci"][1] < 1
    assert step["gain_ci"][0] > 1, "with o alone"
    status = {row["case"]: row["status"] for row in record["results"]}
    assert status[o["case"]] == "tuned"
    assert status[gate_up["case"]] == "left-out"

    kept = tomllib.loads((tmp_path / "out.toml").read_text())["linear"]["mine"]
    assert kept[o["case"]]["config"] == {"sleep": False, "turned": True}
    assert kept[o["case"]]["step_gain_ci"] == o["gain_ci"]
    assert kept[gate_up["case"]]["config"] == {}
    assert kept[gate_up["case"]]["alone"] == gate_up["alone"]


def test_what_is_said(tune):
    done = tune("--layers", 1)
    assert done.code == 0, done.err
    text = " ".join(done.out.split())
    assert "The decode step, submitted by the host, 1 layers, without each entry over" in text
    assert "left out won alone; the step is slower" in text
    assert "With what is kept, the step gains" in text
    assert "faster alone, but the step was not shown to keep its speed" in text


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--layers", 4), "tiny has 3"),
        (("--layers", 1, "--format", "bf16,sym_int4"), "--step times one step"),
        (("--layers", 1, "--query-tokens", "1,4"), "--step times one step"),
        (("--layers", 1, "--batch", "1,8"), "--step times one step"),
        (("--layers", 1, "--context", "20,40"), "--step times one step"),
        (("--shape", "64x64"), "leave out --model"),
    ],
)
def test_what_cannot_be_done(tune, args, sentence):
    done = tune(*args)
    assert done.code == 2
    assert sentence in done.sentence


def test_layers_are_of_the_step(cli, model):
    done = cli("tune", "--model", model, "--layers", 2)
    assert done.code == 2
    assert "give --step too" in done.sentence
