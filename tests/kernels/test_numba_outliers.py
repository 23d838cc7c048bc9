"""Activations rounded in blocks: how many bits the numba linears need, and what is not a number.

The worst block for a shared scale has one value 1000 times the others whose weights are all zero:
the others are the whole result, and were rounded by the scale of the one that adds nothing.
"""

import numpy as np
import pytest
from truetpot.kernels._lib.numba.linear.defaults import defaults

from truetpot.formats import quantise
from truetpot.measure.check import check_on
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime import simd
from truetpot.runtime.choose import choose_device

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not simd.HAS_BYTE_DOT, reason="no vpdpbusd: x is not rounded here"),
]

REGISTRY.load_builtin()
BLOCK, OUTLIER = 64, 1000
USUAL = defaults().parts


def with_outliers(case, ignored):
    """Inputs with an outlier in every block, at another place in each; weights zero there."""
    rng = np.random.default_rng(1)
    host = LINEAR.inputs(case, rng)
    blocks = np.arange(case.k // BLOCK)
    places = blocks * BLOCK + rng.integers(0, BLOCK, len(blocks))
    x = host["x"].copy()
    x[:, places] = (OUTLIER * rng.choice([-1, 1], (case.m, len(blocks)))).astype(x.dtype)
    if not ignored:
        return host | {"x": x}
    w = rng.standard_normal((case.n, case.k)).astype(np.float32)
    w[:, places] = 0
    return host | {"x": x, "weight": quantise(w, case.weight_format)}


def found(dtype, parts, weight_format="sym_int4", ignored=True):
    case = LinearCase(dtype, 2, 96, 512, weight_format)
    (kernel,) = REGISTRY.kernels("linear", "numba")
    host = with_outliers(case, ignored)
    made = kernel(case, choose_device("cpu"), parts=parts)
    return check_on(made, case, host, LINEAR.reference(case, host))


@pytest.mark.parametrize("weight_format", ["sym_int4", "sym_int8"])
@pytest.mark.parametrize(("dtype", "parts"), USUAL.items())
def test_the_default_stays_within_the_tolerance(dtype, parts, weight_format):
    assert found(dtype, parts, weight_format).ok


@pytest.mark.parametrize(("dtype", "parts"), [(d, n) for d, n in USUAL.items() if n > 2])
def test_a_part_less_does_not(dtype, parts):
    assert not found(dtype, parts - 1).ok


@pytest.mark.parametrize(("dtype", "parts"), USUAL.items())
def test_where_the_outlier_counts_the_error_is_far_below(dtype, parts):
    result = found(dtype, parts, ignored=False)
    assert result.ok
    assert result.error < result.tolerance / 3


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_a_number_stays_none_and_harms_no_other_row(value):
    import torch

    case = LinearCase("bf16", 3, 48, 256, "sym_int4")
    (kernel,) = REGISTRY.kernels("linear", "numba")
    made = kernel(case, choose_device("cpu"))
    host = LINEAR.inputs(case, np.random.default_rng(2))
    weight, x = made.pack(host["weight"]), torch.from_numpy(host["x"].astype(np.float32))
    clean = made(x=x.bfloat16(), weight=weight, bias=None)
    x[1, 70] = value
    broken = made(x=x.bfloat16(), weight=weight, bias=None)
    assert not broken[1].isfinite().any()
    assert torch.equal(broken[[0, 2]], clean[[0, 2]])


def test_a_block_of_zeros_is_zero():
    import torch

    case = LinearCase("bf16", 1, 48, 128, "sym_int4")
    (kernel,) = REGISTRY.kernels("linear", "numba")
    made = kernel(case, choose_device("cpu"))
    weight = made.pack(LINEAR.inputs(case, np.random.default_rng(3))["weight"])
    out = made(x=torch.zeros(1, 128, dtype=torch.bfloat16), weight=weight, bias=None)
    assert torch.equal(out, torch.zeros_like(out))
