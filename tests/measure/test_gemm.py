"""The ceiling of operations: what is swept, what wins, when it takes part."""

from types import SimpleNamespace

import pytest
import torch

from truetpot.errors import UserError
from truetpot.measure import gemm
from truetpot.measure.gemm import Gemm, find_gemm
from truetpot.runtime.choose import choose_device
from truetpot.runtime.group import ALONE
from truetpot.stats import StopRule

CPU = choose_device("cpu")
RULE = StopRule(noise=-1.0, seconds=0.2, min_samples=5, warmup_s=0.01)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(gemm, "SIDES", (32, 48, 64, 80))
    monkeypatch.setattr(gemm, "SHARE", 1e9)  # however slow the machine is


def test_the_largest_products_of_both_dtypes_are_swept_and_the_fastest_wins():
    found = find_gemm(CPU, "bf16", RULE)
    assert {*found.swept} == {
        f"torch.matmul {side} x {side} x {side} {dtype}"
        for side in (48, 64, 80)
        for dtype in ("bf16", "fp32")
    }
    assert found.rate == max(found.swept.values()) == found.swept[found.name]
    side = int(found.name.split()[1])
    assert found.operations == 2 * side**3
    row = found.record()
    assert row.tflops == found.rate / 1e12
    assert row.swept_tflops[found.name] == row.tflops
    entrant = found.entrant()
    entrant.add(entrant.take(CPU))
    assert entrant.operations / entrant.device_s[0] > 0


def test_a_product_that_takes_too_long_ends_the_list(monkeypatch):
    monkeypatch.setattr(gemm, "SHARE", 0.0)
    assert {*find_gemm(CPU, "fp32", RULE).swept} == {"torch.matmul 32 x 32 x 32 fp32"}


def test_products_that_do_not_fit_are_left_out(monkeypatch):
    monkeypatch.setattr(type(CPU), "free_bytes", lambda self: 4 * 3 * 48**2 * 4)
    assert {*find_gemm(CPU, "fp32", RULE).swept} == {
        f"torch.matmul {side} x {side} x {side} fp32" for side in (32, 48)
    }
    monkeypatch.setattr(type(CPU), "free_bytes", lambda self: 0)
    assert find_gemm(CPU, "fp32", RULE) is None


def test_without_torch_s_arrays_there_is_none():
    assert find_gemm(SimpleNamespace(torch=None, group=ALONE), "fp16", RULE) is None


def test_a_wrong_product_says_that_the_device_is_unfit(monkeypatch):
    monkeypatch.setattr(gemm._Product, "call", lambda self: torch.zeros(self.side, self.side))
    with pytest.raises(UserError, match="not fit to be measured"):
        find_gemm(CPU, "fp32", RULE)


@pytest.mark.parametrize(("nbytes", "operations", "near"), [(100, 40, False), (100, 60, True)])
def test_it_takes_part_where_operations_come_near_to_the_bytes(nbytes, operations, near):
    one = Gemm("", rate=10.0, operations=1, swept={}, calls=[])
    assert one.may_bound(nbytes, operations, bandwidth=10.0) is near
