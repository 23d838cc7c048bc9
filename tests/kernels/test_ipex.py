"""The ipex provider over its operators' grids, where IPEX is: ``make test-ipex``."""

import importlib.metadata
import os
from importlib.machinery import ModuleSpec
from zlib import crc32

import numpy as np
import pytest
import torch
from truetpot.kernels._lib.vendors import ipex

from tests.prepared import check
from truetpot.formats import Weight, dequantise
from truetpot.ops import OPERATORS, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")
REGISTRY.load_builtin()
KERNELS = [k for k in REGISTRY.kernels(provider="ipex") if "cpu" in k.devices]
ABSENT = ipex.why_not("cpu")
assert not (ABSENT and os.environ.get("TRUETPOT_NEED_IPEX")), ABSENT


def with_ipex(test):
    """Marked, and skipped with the reason where the package is not."""
    return pytest.mark.ipex(pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))(test))


def cases():
    for kernel in KERNELS:
        for case in list(kernel.op.grid())[: 1 if ABSENT else None]:
            yield pytest.param(kernel, case, id=f"{kernel.op.name}-{case.label()}")


@with_ipex
@pytest.mark.parametrize(("kernel", "case"), list(cases()))
def test_kernel(kernel, case):
    if reason := kernel.refuses(case, CPU):
        pytest.skip(f"ipex {kernel.op.name}: {reason}")
    found = check(kernel(case, CPU), case, crc32(case.label().encode()))
    assert found.ok, found.reason


@with_ipex
def test_what_is_taken_of_the_grids():
    """A refusal that swallows a grid would leave the tests above without anything to fail."""
    taken = {
        kernel.op.name: sum(kernel.refuses(case, CPU) is None for case in kernel.op.grid())
        for kernel in KERNELS
    }
    assert taken["rms_norm"] == len(list(OPERATORS["rms_norm"].grid()))
    assert taken["linear"] >= 30
    assert taken["decode_attention"] >= 14


@with_ipex
def test_a_constant_block_of_asym_int4_is_packed_right():
    case = LinearCase("fp32", 2, 3, 128, "asym_int4")
    codes = np.zeros((3, 64), np.uint8)
    scales = np.zeros((3, 2, 2), np.float16)
    scales[..., 1] = [[0.5, -2.0], [0.0, 1.0], [0.25, 0.0]]  # d is 0: each value is the minimum
    weight = Weight("asym_int4", (3, 128), codes, scales)
    (kernel,) = (k for k in KERNELS if k.op.name == "linear")
    x = torch.randn(2, 128, generator=torch.Generator().manual_seed(0))
    built = kernel(case, CPU)
    got = built(x=x, weight=built.pack(weight), bias=None)
    want = x.double() @ torch.from_numpy(dequantise(weight)).T
    assert torch.allclose(got.double(), want, atol=1e-5)


@pytest.fixture
def fresh():
    for cached in (ipex.why_not, ipex._absent):
        cached.cache_clear()
    yield
    for cached in (ipex.why_not, ipex._absent):
        cached.cache_clear()


@pytest.fixture
def installed(monkeypatch, fresh):
    """Pretend that IPEX of a version is installed; it cannot be imported."""

    def pretend(version):
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name: ModuleSpec(name, None) if name == ipex._PACKAGE else find(name),
        )
        monkeypatch.setattr(importlib.metadata, "version", lambda name: version)

    return pretend


def test_without_the_package_the_reason_is_one_line(monkeypatch, fresh):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for kernel in REGISTRY.kernels(provider="ipex"):
        reason = kernel.refuses(next(iter(kernel.op.grid())), CPU)
        assert "is not installed" in reason
        assert "\n" not in reason
        assert "\n" not in kernel.note(CPU)


def test_with_another_torch_the_package_is_not_imported(monkeypatch, installed):
    installed("1.13.0+cpu")

    def never(name):
        raise AssertionError(name)

    monkeypatch.setattr(importlib, "import_module", never)
    assert "1.13 needs torch 1.13" in ipex.why_not("cpu")


def test_a_package_that_ends_the_process_is_a_reason(monkeypatch, installed):
    installed(torch.__version__)

    def leaves(name):
        raise SystemExit(127)

    monkeypatch.setattr(importlib, "import_module", leaves)
    assert ipex.why_not("cpu") == "intel_extension_for_pytorch cannot be imported: 127"
