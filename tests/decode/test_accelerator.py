"""The same step on a GPU: device arrays are opaque to the engine, so nothing else changes."""

import pytest

from tests.decode.steps import step_of
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.ops.tolerance import relative_error
from truetpot.runtime.choose import choose_device


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "limit"), [("fp32", 1e-4), ("bf16", 0.05)])
@pytest.mark.parametrize("page", [None, 8])
@pytest.mark.parametrize("providers", ["torch", ("triton", "torch")])
def test_same_logits_as_on_the_cpu(checkpoint, dtype, limit, page, providers):
    saved = checkpoint("qwen3")
    shape = saved.shape(dtype, page=page)
    weights = CheckpointWeights(saved.directory, saved.model, shape)
    step = step_of(saved.model, shape, choose_device(), providers, weights)
    tokens = saved.tokens()
    assert relative_error(step.feed(tokens), saved.logits(tokens)) < limit
    assert sum(use.count for use in step.calls_by_kernel()) == len(step.program.calls)
