"""New processes time two configurations: side by side they prepare, one after another they time."""

import pytest

from truetpot.errors import KernelError
from truetpot.measure.prepared import PreparedCase
from truetpot.measure.rotation import copies_needed
from truetpot.ops import LINEAR, LinearCase
from truetpot.runtime.choose import choose_device
from truetpot.runtime.group import ALONE
from truetpot.tune import fresh
from truetpot.tune.fresh import Order, in_new_processes, side_by_side
from truetpot.tune.subject import Subject

CASE = LinearCase("fp32", 1, 64, 256, "fp32")
KERNEL = """
import numpy as np
import torch
from truetpot.formats import dequantise
from truetpot.ops import LINEAR
from truetpot.ops.registry import Kernel, register


@register(LINEAR, provider="repeating", devices=("cpu",))
class Repeating(Kernel):
    @classmethod
    def configs(cls, case, device):
        yield from ({"repeat": 1}, {"repeat": 400}, {"repeat": 0})

    def pack(self, weight):
        return torch.from_numpy(dequantise(weight).astype(np.float32)).T.contiguous()

    def __call__(self, *, x, weight, bias):
        for _ in range(self.config["repeat"]):
            out = x @ weight
        return out
"""


@pytest.fixture
def orders(tmp_path):
    (tmp_path / "repeating.py").write_text(KERNEL)
    subject = Subject("linear", "repeating", CASE, "cpu", tmp_path)
    values = tmp_path / "values"
    PreparedCase(LINEAR, CASE, choose_device("cpu")).hand_over(values)

    def of(*repeats):
        one = {"repeat": 1}
        return [Order(subject, one, {"repeat": n}, 0.1, False, values) for n in repeats]

    return of


@pytest.fixture
def begun(monkeypatch):
    """Every process that begins, and which of them were ready when one was let go."""
    made, ready = [], []

    class Watched(fresh._Begun):
        def __init__(self, order):
            super().__init__(order)
            made.append(self)

        def gain(self, limit_s):
            ready.append([(one._path / fresh.READY).exists() for one in made])
            return super().gain(limit_s)

    monkeypatch.setattr(fresh, "_Begun", Watched)
    return made, ready


def test_all_are_ready_before_one_times_and_none_is_left(orders, begun):
    made, ready = begun
    gains = in_new_processes(orders(400, 400), 120, at_once=2)
    assert next(gains).median < 0.5
    assert ready == [[True, True]]
    gains.close()
    assert all(one._process.returncode is not None for one in made)


def test_a_fault_is_its_own_process_s(orders):
    gains = in_new_processes(orders(400, 0), 120)
    assert next(gains).median < 0.5
    with pytest.raises(KernelError, match="out"):
        next(gains)


def test_how_many_prepare_is_what_memory_holds(monkeypatch):
    class Card:
        kind, group = "xpu", ALONE
        free_bytes = staticmethod(lambda: 16 << 30)
        cache_bytes = staticmethod(lambda: 16 << 20)

    case = LinearCase("bf16", 1, 5120, 5120, "bf16")
    copies = copies_needed(LINEAR, case, Card)[1]
    monkeypatch.setattr(fresh, "free_bytes", lambda: 1 << 50)
    assert side_by_side(LINEAR, case, Card) == (16 << 30) // (4 * copies * LINEAR.bytes(case))
    monkeypatch.setattr(fresh, "free_bytes", lambda: 1 << 30)
    assert side_by_side(LINEAR, case, Card) == 1
    assert side_by_side(LINEAR, case, choose_device("cpu")) == 1
