import re
from dataclasses import replace

import pytest

from truetpot.decode.fit import needs, plan
from truetpot.errors import UserError
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload

GIB = 1 << 30
SHAPE = Workload(context=1024, format="sym_int4", kv_format="bf16", dtype="bf16", batch=1, tp=1)


@pytest.fixture(scope="module")
def qwq():
    return load_model("qwq-32b")


def test_needs_by_hand(qwq):
    need = needs(qwq, SHAPE)
    # one layer: 5120 (7168 + 5120 + 55296 + 27648) weights; lm_head 5120 x 152064; 4.25 bits each
    weights = (64 * 5120 * (7168 + 5120 + 2 * 27648 + 27648) + 5120 * 152064) * 4.25 / 8
    assert need.weights == round(weights * (1 + 1 / 16))
    assert need.embedding == 152064 * 5120 * 2
    assert need.kv == 64 * 2 * 1025 * 8 * 128 * 2
    assert need.loading == 5120 * 152064 * 4.25 / 8
    assert need.total == need.weights + need.embedding + need.kv + need.loading + need.margin
    assert 19 * GIB < need.total < 21 * GIB


def test_pages_are_whole(qwq):
    assert needs(qwq, replace(SHAPE, page=64)).kv == 64 * 2 * 1088 * 8 * 128 * 2


def test_everything_fits(qwq):
    chosen = plan(qwq, SHAPE, 24 * GIB)
    assert (chosen.shape, chosen.layers, chosen.whole, chosen.sharded) == (SHAPE, 64, True, False)
    assert chosen.sentence().startswith("the whole model: ")


@pytest.mark.parametrize(("free", "tp"), [(16, 2), (8, 4), (5, 8)])
def test_the_smallest_share_that_fits(qwq, free, tp):
    chosen = plan(qwq, SHAPE, free * GIB)
    assert chosen.shape == replace(SHAPE, tp=tp)
    assert chosen.whole
    assert chosen.sharded
    assert chosen.needs.total <= free * GIB
    assert f"rank 0 of tp = {tp}" in chosen.sentence()


def test_layers_where_no_share_fits():
    # 14 heads and 2 kv heads: only tp = 2 divides, and it does not fit either
    model = replace(load_model("qwen2.5-0.5b"), vocab=1000)
    shape = replace(SHAPE, format="bf16")
    free = needs(model, shape, 5).total
    assert free < needs(model, replace(shape, tp=2)).total
    for spare, layers in ((0, 5), (1 << 20, 5), (-1, 4)):
        chosen = plan(model, shape, free + spare)
        assert chosen.shape == replace(shape, layers=layers)
        assert chosen.layers == layers
        assert not chosen.whole
        assert f"{layers} of 24 layers" in chosen.sentence()
        assert chosen.needs.total <= free + spare


def test_a_share_asked_for_is_not_changed(qwq):
    chosen = plan(qwq, replace(SHAPE, tp=2), 8 * GIB)
    assert chosen.shape.tp == 2
    assert not chosen.whole
    assert not chosen.sharded


def test_layers_asked_for_are_the_whole(qwq):
    chosen = plan(qwq, replace(SHAPE, layers=8), 8 * GIB)
    assert chosen.whole and chosen.extrapolated
    assert (chosen.layers, chosen.layers_asked, chosen.layers_total) == (8, 8, 64)
    assert chosen.sentence().startswith("8 of 64 layers of the whole model: ")


def test_not_even_one_layer(qwq):
    with pytest.raises(UserError) as caught:
        plan(qwq, replace(SHAPE, context=5000), 2 * GIB)
    assert re.search(r"needs \d\.\d GiB and 2\.0 GiB are free", str(caught.value))


def test_more_layers_than_there_are(qwq):
    with pytest.raises(UserError, match="has 64 layers, not 65"):
        plan(qwq, replace(SHAPE, layers=65), 100 * GIB)


def test_where_the_room_is_not_known_all_is_tried(qwq):
    chosen = plan(qwq, SHAPE, None)
    assert chosen.whole
    assert not chosen.sharded
    assert chosen.free_bytes is None
    assert "of an unknown amount free" in chosen.sentence()
