from dataclasses import replace

import numpy as np
import pytest

from tests.decode.steps import step_of
from truetpot.decode.weights import SyntheticWeights
from truetpot.errors import UserError
from truetpot.facts.workload import Workload
from truetpot.ops.tolerance import relative_error
from truetpot.runtime.cpu import CpuDevice

SHAPE = Workload(context=20, format="fp32", kv_format="fp32", dtype="fp32", batch=2, tp=1)


def make(model, shape=SHAPE, provider="torch", **options):
    return step_of(model, shape, CpuDevice(), provider, SyntheticWeights(model, shape), **options)


@pytest.mark.parametrize("provider", ["torch", "numba"])
@pytest.mark.parametrize("page", [1, 8, 16])
def test_paged_equals_contiguous(tiny, page, provider):
    tokens = np.random.default_rng(0).integers(0, tiny.vocab, (21, 2))
    want = make(tiny, provider=provider).feed(tokens)
    step = make(tiny, replace(SHAPE, page=page), provider)
    table = step.device.download(step.state.values["block_table"])
    assert sorted(table.reshape(-1)) == list(range(table.size))
    assert relative_error(step.feed(tokens), want) < 1e-6


def test_a_row_of_a_batch_is_that_sequence_alone(tiny):
    tokens = np.random.default_rng(0).integers(0, tiny.vocab, (21, 2))
    both = make(tiny).feed(tokens)
    alone = make(tiny, replace(SHAPE, batch=1))
    for row in range(2):
        assert relative_error(both[:, row], alone.feed(tokens[:, row])) < 1e-5


def test_running_again_gives_the_same(tiny):
    # the residual is changed in place: it must not be the embedding table that is
    step = make(tiny)
    ids = step.device.upload(np.array([5, 17]))
    first = step.device.download(step.run(ids))
    logits = step.logits()
    assert np.array_equal(step.device.download(step.run()), first)
    assert np.array_equal(step.logits(), logits)
    assert np.array_equal(first, logits.argmax(axis=-1))


def test_position(tiny):
    step = make(tiny)
    assert step.state.position == 20  # a cache of 20 random tokens to start with
    ids = step.step(step.device.upload(np.array([5, 17])))
    assert step.state.position == 21
    with pytest.raises(UserError, match="cache of 21 tokens is full"):
        step.step(ids)
    with pytest.raises(UserError, match="Position 22"):
        step.state.seek(22)
    step.state.seek(7)
    values = step.state.values
    assert values["max_length"] == 8
    assert step.device.download(values["lengths"]).tolist() == [8, 8]
    assert step.device.download(values["positions"]).tolist() == [7, 7]
    step.step(ids)


@pytest.mark.parametrize("provider", ["torch", "numba"])
@pytest.mark.parametrize("page", [None, 8])
def test_a_step_of_four_query_tokens_is_four_steps_of_one(tiny, page, provider):
    tokens = np.random.default_rng(0).integers(0, tiny.vocab, (20, 2))
    want = make(tiny, replace(SHAPE, page=page), provider).feed(tokens)
    step = make(tiny, replace(SHAPE, page=page, context=16, query_tokens=4), provider)
    got = step.feed(tokens)
    assert got.shape == want.shape == (20, 2, tiny.vocab)
    assert relative_error(got, want) < 1e-5
    # the next ids are of each row: by sequence, and its tokens in their order
    ids = step.device.download(step.state.values["next_ids"])
    assert ids.reshape(2, 4).tolist() == want[-4:].argmax(-1).T.tolist()
    assert step.state.position == 20


def test_position_of_several_query_tokens(tiny):
    step = make(tiny, replace(SHAPE, query_tokens=4))
    assert (step.state.position, step.shape.tokens(), step.shape.rows) == (20, 24, 8)
    values, download = step.state.values, step.device.download
    assert values["max_length"] == 24
    assert download(values["lengths"]).tolist() == [24, 24]
    assert download(values["positions"]).tolist() == 2 * [20, 21, 22, 23]
    ids = step.step(values["ids"])
    assert step.state.position == 24
    with pytest.raises(UserError, match="cache of 24 tokens is full"):
        step.step(ids)
    step.state.seek(7)
    assert download(values["positions"]).tolist() == 2 * [7, 8, 9, 10]
    step.state.seek(21)  # three tokens fit, and a step has four
    with pytest.raises(UserError, match="full"):
        step.run()
    with pytest.raises(UserError, match="6 tokens are not whole steps of 4 query tokens"):
        step.feed(np.ones((6, 2), int))
    for count in (0, 9):
        with pytest.raises(UserError, match=f"query tokens = {count}: a step takes 1 to 8"):
            make(tiny, replace(SHAPE, query_tokens=count))


def test_cache_is_random_from_the_start(tiny):
    for page in (None, 8):
        step = make(tiny, replace(SHAPE, page=page))
        for cache in step.state.caches.values():
            values = step.device.download(cache)
            assert np.all(values != 0)
            assert values.std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([[1, 208]], "0 to 207"),
        ([[-1, 0]], "0 to 207"),
        ([1, 2], "cannot feed a batch of 2"),
        ([], "cannot feed"),
        ([[0.5, 1.0]], "cannot feed"),
        ([[1, 2]] * 22, "22 tokens do not fit a cache of 21"),
    ],
)
def test_wrong_tokens(tiny, tokens, message):
    with pytest.raises(UserError, match=message):
        make(tiny).feed(tokens)


@pytest.mark.parametrize("provider", ["torch", "numba"])
def test_calls_by_kernel_cover_the_step(tiny, provider):
    step = make(tiny, provider=provider)
    uses = step.calls_by_kernel()
    assert sum(use.count for use in uses) == len(step.program.calls)
    assert all(len(use.calls) == use.count for use in uses)
    by_role = {use.role: use for use in uses}
    assert by_role["qkv"].count == 3
    assert by_role["lm_head"].count == 1
    # attn_norm is two kernels: the first layer's has no residual to add
    assert [use.count for use in uses if use.role == "attn_norm"] == [1, 2]
    want = step.logits()
    for use in uses:
        assert use.provider == step.providers[use.role]
        assert use.kernel.case == use.case
        for call in use.calls:
            call()
    step.run()
    assert np.array_equal(step.logits(), want)


def test_each_layer_has_its_own_weight(tiny):
    step = make(tiny)
    down = next(use for use in step.calls_by_kernel() if use.role == "down")
    addresses = {call.keywords["weight"].data_ptr() for call in down.calls}
    assert len(addresses) == 3


def test_providers_are_visible_and_fall_back(tiny):
    # torch's int4 product wants N in multiples of 16, which 205 is not
    odd = replace(tiny, vocab=205)
    shape = replace(SHAPE, dtype="bf16", format="sym_int4")
    with pytest.raises(UserError, match=r"lm_head|linear .* multiples of 16"):
        make(odd, shape, "torch")
    step = make(odd, shape, ("torch", "numba"))
    assert step.providers["lm_head"] == "numba"
    assert step.providers["qkv"] == "torch"


def test_unknown_provider(tiny):
    with pytest.raises(UserError, match=r"no provider 'nmba' .*numba\?.; known are .*torch"):
        make(tiny, provider="nmba")


def test_progress_ends_at_the_total(tiny):
    seen = []
    make(tiny, progress=lambda done, total: seen.append((done, total)))
    assert len({total for _, total in seen}) == 1
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1]
    # the embedding; two norms, four projections a layer; the last norm and the head
    assert len(seen) == 1 + 6 * tiny.layers + 2


def test_building_can_be_interrupted(tiny):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tiny, progress=interrupt)
    make(tiny).run()


def test_out_of_memory_is_one_sentence(tiny):
    class Greedy(SyntheticWeights):
        def linear(self, layer, role):
            raise MemoryError

    with pytest.raises(UserError, match="not enough memory for tiny"):
        step_of(tiny, SHAPE, CpuDevice(), "torch", Greedy(tiny, SHAPE))


def test_fewer_layers(tiny):
    step = make(tiny, replace(SHAPE, layers=1))
    step.run()
    assert len(step.program.calls) == 9 + 4
    assert step.logits().shape == (2, 208)
