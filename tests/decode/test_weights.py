import weakref
from dataclasses import replace

import numpy as np
import pytest

from truetpot.decode.engine import DecodeStep
from truetpot.decode.program import StepShape
from truetpot.decode.weights import SyntheticWeights, random_array
from truetpot.formats import dequantise
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.runtime.cpu import CpuDevice

SHAPE = StepShape(1, 8, 1, "bf16", "sym_int4", "bf16")


def test_any_order_gives_the_same(tiny):
    one, other = (SyntheticWeights(tiny, SHAPE, seed=3) for _ in range(2))
    asked = [(0, "qkv"), (2, "down"), (None, "lm_head"), (0, "o"), (1, "qkv")]
    first = {key: one.linear(*key) for key in asked}
    for key in reversed(asked):
        again = other.linear(*key)
        assert np.array_equal(first[key].codes, again.codes)
        assert np.array_equal(first[key].scales, again.scales)
    assert np.array_equal(one.vector(1, "qkv_bias"), other.vector(1, "qkv_bias"))
    assert np.array_equal(one.embedding(), other.embedding())


def test_layers_roles_and_seeds_differ(tiny):
    weights = SyntheticWeights(tiny, SHAPE, seed=3)
    codes = weights.linear(0, "qkv").codes
    assert not np.array_equal(codes, weights.linear(1, "qkv").codes)
    assert not np.array_equal(codes, SyntheticWeights(tiny, SHAPE, seed=4).linear(0, "qkv").codes)
    norms = [weights.vector(0, name) for name in ("attn_norm", "mlp_norm")]
    assert not np.array_equal(*norms)


def test_sizes_and_scale(tiny):
    weights = SyntheticWeights(tiny, SHAPE)
    down = weights.linear(1, "down")
    assert down.shape == (128, 192)
    assert dequantise(down).std() == pytest.approx(192**-0.5, rel=0.1)
    norm, bias = weights.vector(None, "final_norm"), weights.vector(0, "qkv_bias")
    assert norm.dtype == bias.dtype == NUMPY_DTYPE["bf16"]
    assert norm.shape == (128,)
    assert norm.astype(float).mean() == pytest.approx(1, abs=0.1)
    assert bias.shape == (256,)
    assert abs(bias.astype(float).mean()) < 0.1
    table = weights.embedding()
    assert table.shape == (208, 128)
    assert table.astype(float).std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("dtype", ["bf16", "fp16", "fp32", "fp8_e5m2", "fp8_e4m3"])
def test_random_arrays_are_random(dtype):
    array = random_array((300, 7, 64), dtype, np.random.default_rng(0))
    values = array.astype(np.float64)
    assert array.dtype == NUMPY_DTYPE[dtype]
    assert values.std() == pytest.approx(1, rel=0.05)
    assert np.all(values != 0)
    assert len(np.unique(values.reshape(300, -1), axis=0)) == 300


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_activations_stay_in_range_through_64_layers(tiny, dtype):
    deep = replace(tiny, layers=64)
    shape = replace(SHAPE, dtype=dtype, kv_format=dtype)
    step = DecodeStep(deep, shape, CpuDevice(), "torch", SyntheticWeights(deep, shape))
    step.run()
    logits = step.logits()
    assert np.all(np.isfinite(logits))
    assert 0.5 < logits.std() < 2
    hidden = step.device.download(step.state.values["hidden"]).astype(float)
    assert hidden.std() < 20


def test_one_canonical_weight_alive_at_a_time(tiny):
    alive, before = weakref.WeakSet(), []

    class Watched(SyntheticWeights):
        def linear(self, layer, role):
            before.append(len(alive))
            weight = super().linear(layer, role)
            alive.add(weight)
            return weight

    DecodeStep(tiny, SHAPE, CpuDevice(), "torch", Watched(tiny, SHAPE))
    assert before == [0] * (4 * tiny.layers + 1)
    assert not alive
