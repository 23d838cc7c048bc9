"""Launch parameters of the CPU kernels: each is right, and does what it is named after."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from truetpot.kernels._lib.numba.linear import sweep
from truetpot.kernels._lib.numba.linear.panels import panel_dot

from truetpot.measure.check import check
from truetpot.ops import (
    LINEAR_SILU_MUL,
    DecodeAttentionCase,
    LinearCase,
    SiluMulCase,
)
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

pytestmark = pytest.mark.slow

SEVERAL = LinearCase("bf16", 5, 80, 192, "bf16")
INT4 = LinearCase("bf16", 1, 80, 192, "sym_int4")
FUSED = LINEAR_SILU_MUL.case(replace(SEVERAL, m=1), SiluMulCase("bf16", 1, 40))
RAGGED = DecodeAttentionCase("bf16", 3, 10, 2, 64, 300, "bf16", page=16, ragged=True)
CASES = [
    ("linear", SEVERAL),
    pytest.param("linear", INT4, marks=pytest.mark.exhaustive),
    pytest.param("linear_silu_mul", FUSED, marks=pytest.mark.exhaustive),
    ("decode_attention", RAGGED),
]


def kernel_of(name):
    REGISTRY.load_builtin()
    (kernel,) = REGISTRY.kernels(name, "numba")
    return kernel


@pytest.fixture(scope="module")
def cpu():
    return choose_device("cpu")


def one_by_one(name, case, device):
    """The default, and each value of each parameter beside the default's others."""
    default, *others = kernel_of(name).configs(case, device)
    near = [one for one in others if sum(one[n] != value for n, value in default.items()) == 1]
    return [default, *near]


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda one: getattr(one, "dtype", one))
def test_every_value_is_right(name, case, cpu):
    kernel = kernel_of(name)
    configs = one_by_one(name, case, cpu)
    assert len(configs) > 5
    for config in configs:
        found = check(kernel(case, cpu, **config), case, np.random.default_rng(0))
        assert found.ok, f"{found.reason} {config}"


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda one: getattr(one, "dtype", one))
def test_no_configuration_comes_twice_and_all_name_the_same(name, case, cpu):
    configs = [*kernel_of(name).configs(case, cpu)]
    assert len({tuple(one.items()) for one in configs}) == len(configs)
    assert len({tuple(one) for one in configs}) == 1


def opcodes(weight_format, **parameters):
    """Of the dot over a panel, how often each."""
    dot = panel_dot(weight_format, "bf16", 1, **parameters)
    dot.compile("(int64, int64, int64, int64, int64, int64)")
    (signature,) = dot.signatures
    return Counter(re.findall(r"^\t([a-z]\w*)", dot.inspect_asm(signature), re.MULTILINE))


def prefetches(found):
    return sum(count for name, count in found.items() if name.startswith("prefetch"))


def test_the_default_leaves_prefetching_to_the_hardware():
    assert prefetches(opcodes("bf16")) == prefetches(opcodes("sym_int4")) == 0
    assert prefetches(opcodes("bf16", ahead=1024)) > 0
    assert prefetches(opcodes("sym_int4", ahead=1024)) > 0


def test_unrolled_turns_have_as_many_more_products():
    once, four = (opcodes("bf16", unroll=n) for n in (1, 4))
    fewer, more = (sum(n for op, n in one.items() if "fmadd" in op) for one in (once, four))
    assert more > fewer > 0


def test_no_more_threads_than_there_are(monkeypatch):
    monkeypatch.setattr(sweep, "get_num_threads", lambda: 4)
    parts = [sweep.sweep(INT4, {"threads": n}).parts() for n in (0, 1, 3, 9)]
    assert parts == [4, 1, 3, 4]
    assert {one["threads"] for one in sweep.configs(INT4)} == {0, 2}
    monkeypatch.setattr(sweep, "get_num_threads", lambda: 1)
    assert {one["threads"] for one in sweep.configs(INT4)} == {0}
