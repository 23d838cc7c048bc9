"""The ranks of a tensor-parallel step, put together by hand, make the unsharded one."""

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.ops.tolerance import relative_error

PARTIAL = ("o", "down")


def all_reduced(steps, token):
    """Run the ranks call by call, and sum what the real thing would all-reduce."""
    whole, *ranks = steps
    whole.run(whole.device.upload(np.array([token])))
    for calls in zip(*(rank.bound for rank in ranks), strict=True):
        for rank, bound in zip(ranks, calls, strict=True):
            bound.run(rank.state.values)
        name = calls[0].call.outputs[0]
        values = [rank.state.values for rank in ranks]
        if calls[0].call.role in PARTIAL:
            total = sum(value[name] for value in values)
            for value in values:
                value[name] = total.clone()
        elif calls[0].call.role == "embedding":  # a rank has other rows: take the whole table's
            for value in values:
                value[name] = whole_embedding(whole, token)
    return whole.logits(), np.concatenate([rank.logits() for rank in ranks], axis=-1)


def whole_embedding(step, token):
    embedding = step.bound[0]
    return embedding.kernel(
        ids=step.device.upload(np.array([token])), table=embedding.fixed["table"]
    )


@pytest.mark.parametrize(
    ("name", "tp", "weight_format"),
    [
        ("qwen2", 2, "fp32"),
        ("llama", 4, "fp32"),  # a vocabulary that does not divide
        ("llama-tied-biased-llama3", 2, "fp32"),  # a bias of o, added once in all
        ("qwen2", 2, "fp8_e5m2"),
    ],
)
def test_ranks_sum_to_the_whole(checkpoint, name, tp, weight_format):
    saved = checkpoint(name)
    steps = [saved.step(weight_format=weight_format)]
    steps += [saved.step(rank=r, tp=tp, weight_format=weight_format) for r in range(tp)]
    for step in steps:
        step.state.seek(0)
    for token in saved.tokens(5):
        want, got = all_reduced(steps, token)
        vocab = saved.model.vocab
        assert relative_error(got[:, :vocab], want) < 1e-5
        padding = got[:, vocab:]  # repeats the last row, so it never wins
        assert np.all(padding == got[:, vocab - 1 : vocab])
        for step in steps:
            step.state.seek(step.state.position + 1)


def test_embedding_rows_of_a_rank(checkpoint):
    saved = checkpoint("llama")
    table = saved.hf.model.embed_tokens.weight.detach().numpy()
    step = saved.step(rank=3, tp=4)
    rows = step.device.download(step.bound[0].fixed["table"])
    assert np.array_equal(rows, np.concatenate([table[156:], table[-1:].repeat(3, axis=0)]))


def test_refused_shares(checkpoint):
    saved = checkpoint("qwen2")
    with pytest.raises(UserError, match="kv heads"):
        saved.step(tp=4)
    with pytest.raises(UserError, match="rank 2 is not one of 2"):
        saved.step(rank=2, tp=2)
    with pytest.raises(UserError, match="64-element blocks of sym_int4"):
        saved.step(tp=2, weight_format="sym_int4")
