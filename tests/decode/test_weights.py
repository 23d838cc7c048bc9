import weakref
from dataclasses import replace

import numpy as np
import pytest

from tests.decode.steps import step_of
from truetpot.decode.weights import SyntheticWeights, random_array
from truetpot.facts.workload import Workload
from truetpot.formats import dequantise
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.runtime.cpu import CpuDevice

FORMATS = ("bf16", "fp8_e5m2", "fp32", "sym_int4")
SHAPE = Workload(context=8, format="sym_int4", kv_format="bf16", dtype="bf16", batch=1, tp=1)


@pytest.fixture
def biased(tiny):
    """A bias of o, a vocabulary that does not divide, blocks of 64 that four ranks can share."""
    return replace(tiny, o_bias=True, vocab=205, head_dim=64, intermediate=256)


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


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("tp", [2, 4])
def test_ranks_have_slices_of_one_model(biased, weight_format, tp):
    """Four query heads on two kv heads, so at tp = 4 two ranks have the same keys and values."""
    whole = SyntheticWeights(biased, replace(SHAPE, format=weight_format), seed=3)
    ranks = [
        SyntheticWeights(biased, replace(SHAPE, tp=tp, format=weight_format), 3, rank)
        for rank in range(tp)
    ]

    def dense(source, role):
        return dequantise(source.linear(None if role == "lm_head" else 1, role))

    for role in ("o", "down"):
        parts = [dense(rank, role) for rank in ranks]
        assert np.array_equal(np.concatenate(parts, axis=1), dense(whole, role)), role
    halves = [np.split(dense(rank, "gate_up"), 2) for rank in ranks]
    joined = np.concatenate([half[i] for i in (0, 1) for half in halves])
    assert np.array_equal(joined, dense(whole, "gate_up"))
    head = np.concatenate([dense(rank, "lm_head") for rank in ranks])
    want = dense(whole, "lm_head")
    assert np.array_equal(head[: biased.vocab], want)
    assert np.all(head[biased.vocab :] == want[-1])
    q, k, v = np.split(dense(whole, "qkv"), [256, 384])
    for i, rank in enumerate(ranks):
        kv = slice(i * 2 // tp * 64, i * 2 // tp * 64 + 64)
        share = slice(i * 256 // tp, (i + 1) * 256 // tp)
        assert np.array_equal(dense(rank, "qkv"), np.concatenate([q[share], k[kv], v[kv]]))
        bias = whole.vector(1, "qkv_bias")
        rows = [bias[share], bias[256:384][kv], bias[384:][kv]]
        assert np.array_equal(rank.vector(1, "qkv_bias"), np.concatenate(rows))
        assert np.array_equal(rank.embedding(), whole.embedding())
        assert np.any(rank.vector(1, "o_bias")) == (i == 0)


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
    step = step_of(deep, shape, CpuDevice(), "torch", SyntheticWeights(deep, shape))
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

    step_of(tiny, SHAPE, CpuDevice(), "torch", Watched(tiny, SHAPE))
    assert before == [0] * (4 * tiny.layers + 1)
    assert not alive
