"""The ranks of a tensor-parallel step, put together by hand, make the unsharded one."""

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.ops.tolerance import relative_error

PARTIAL = ("o", "down")


def all_reduced(steps, token):
    """Run the ranks call by call, and sum what the real thing would all-reduce."""
    whole, *ranks = steps
    ids = whole.device.upload(np.array([token]))
    whole.run(ids)
    for rank in ranks:
        rank.state.values["ids"] = ids
    for calls in zip(*(rank.bound for rank in ranks), strict=True):
        for rank, bound in zip(ranks, calls, strict=True):
            bound.run(rank.state.values)
        name = calls[0].call.outputs[0]
        values = [rank.state.values for rank in ranks]
        if calls[0].call.role in PARTIAL:
            total = sum(value[name] for value in values)
            for value in values:
                value[name] = total.clone()
    return whole.logits(), np.concatenate([rank.logits() for rank in ranks], axis=-1)


@pytest.mark.parametrize(
    ("name", "tp", "weight_format"),
    [
        ("qwen2", 2, "fp32"),
        ("llama", 4, "fp32"),  # a vocabulary that does not divide
        ("llama-tied-biased-llama3", 2, "fp32"),  # a bias of o, added once in all
        ("qwen2", 2, "fp8_e5m2"),
        ("qwen2", 4, "fp32"),  # two kv heads, each on two ranks
        ("qwen3", 4, "fp32"),  # one kv head, on all
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


def test_refused_shares(checkpoint):
    saved = checkpoint("qwen2")
    with pytest.raises(UserError, match="attention heads"):
        saved.step(tp=8)
    with pytest.raises(UserError, match="rank 2 is not one of 2"):
        saved.step(rank=2, tp=2)
    with pytest.raises(UserError, match="64-element blocks of sym_int4"):
        saved.step(tp=2, weight_format="sym_int4")
