"""Steps of one model share what they can of their parameters, and nothing that differs."""

import numpy as np
import pytest

from tests.decode.steps import step_of
from truetpot.decode.packed import PackedWeights
from truetpot.decode.program import Parameter
from truetpot.decode.weights import SyntheticWeights
from truetpot.facts.workload import Workload
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Kernel
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")


def shape(batch, context):
    return Workload(
        context=context, format="sym_int4", kv_format="bf16", dtype="bf16", batch=batch, tp=1
    )


def test_a_later_step_makes_nothing_and_gives_what_it_gives_alone(tiny):
    packed = PackedWeights(CPU)
    weights = SyntheticWeights(tiny, shape(1, 5))

    def logits(batch, context, packed=None):
        step = step_of(tiny, shape(batch, context), CPU, "torch", weights, packed=packed)
        step.run()
        return step.logits()

    first = logits(1, 5, packed)
    made = packed.made
    assert made > 0
    assert packed.shared == 0
    later = logits(3, 9, packed)
    assert packed.made == made
    assert packed.shared == made
    np.testing.assert_array_equal(first, logits(1, 5))
    np.testing.assert_array_equal(later, logits(3, 9))


class Rows(Kernel):
    """Packs into as many copies as its configuration says."""

    op = LINEAR

    def pack(self, weight):
        return (np.full(3, weight), self.config["layout"])


def kernel(**config):
    return Rows(LinearCase("fp32", 1, 1, 1, "fp32"), CPU, **config)


@pytest.fixture
def store():
    found = PackedWeights(CPU)
    one = kernel(layout="a")
    for layer in range(3):
        found.of(Parameter("weight", "o", layer), one, lambda: one.pack(1.0))
    return found


def test_a_layout_that_differs_is_packed_anew(store):
    calls = []
    other = kernel(layout="b")
    for layer in range(3):
        got = store.of(
            Parameter("weight", "o", layer), other, lambda: calls.append(1) or other.pack(1.0)
        )
        assert got[1] == "b"
    assert store.made == 6
    assert store.shared == 0
    assert len(calls) == 4, "one to compare, three to keep"


def test_the_same_layout_by_another_kernel_is_taken_over(store):
    calls = []
    other = kernel(layout="a")
    for layer in range(3):
        store.of(Parameter("weight", "o", layer), other, lambda: calls.append(1) or other.pack(1.0))
    assert (store.made, store.shared) == (3, 3)
    assert len(calls) == 1, "one to compare"


def test_vectors_have_no_layout(store):
    ref = Parameter("vector", "attn_norm", 0)
    first = store.of(ref, kernel(layout="a"), object)
    assert store.of(ref, kernel(layout="b"), object) is first
