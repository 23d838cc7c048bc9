"""A kernel of one's own that ``tune`` searches, and the call that does it."""

import pytest

from truetpot.errors import KernelError
from truetpot.stats import Ratio
from truetpot.tune import fresh

KERNEL = """
import signal
from pathlib import Path

import numpy as np
import torch
from truetpot.formats import dequantise
from truetpot.ops import LINEAR
from truetpot.ops.registry import Kernel, register

STOP = Path(__file__).with_name("stop")

@register(LINEAR, provider="mine", devices=("cpu",))
class Mine(Kernel):
    def __init__(self, case, device, repeat=32, wrong=False):
        super().__init__(case, device, repeat=repeat, wrong=wrong)
        if STOP.exists() and STOP.read_text() == str(repeat):
            signal.raise_signal(signal.SIGINT)

    @classmethod
    def configs(cls, case, device):
        yield {}
        yield from ({"repeat": repeat} for repeat in (64, 1, 24))
        yield {"repeat": 1, "wrong": True}

    def pack(self, weight):
        return torch.from_numpy(dequantise(weight).astype(np.float32)).T.contiguous()

    def __call__(self, *, x, weight, bias):
        for _ in range(self.config["repeat"]):
            out = x.float() @ weight
        out = out if bias is None else out + bias.float()
        return (out + self.config["wrong"]).to(x.dtype)
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "kernels"
    path.mkdir()
    (path / "mine.py").write_text(KERNEL)
    return path


@pytest.fixture
def here(monkeypatch):
    """The default and a finalist meet in this process, which is fast, and not in new ones."""

    def in_new_processes(orders, limit_s, at_once):
        for answer in map(fresh._answer, orders):
            if answer.gain is None:
                raise KernelError(answer.reason)
            yield Ratio(*answer.gain)

    monkeypatch.setattr("truetpot.runs.tune_search.in_new_processes", in_new_processes)


@pytest.fixture
def tune(cli, model, folder, check_tune, here):
    def call(*args, role="o", provider="mine"):
        done = cli(
            *("tune", "--model", model, "--kernels", folder, "--op", "linear", "--role", role),
            *("--provider", provider, "--format", "bf16", "--context", 20, "--seconds", 0.3, *args),
        )
        if "--json" in args:
            check_tune(done.record)
        return done

    return call
