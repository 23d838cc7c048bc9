"""Kernels of a small role that take longer than its reading can are told apart from small ones."""

import pytest

from truetpot.records.stack import PlacedBy, Role
from truetpot.records.trace import TracedKernel, TracedRole
from truetpot.stack.losses import losses


def role(name, *kernels, tokens=1.0):
    """Of (kernel, calls a step, us a call); times are of a token."""
    rows = [
        TracedKernel(name=each, calls=calls, ms=calls * us / 1e3 / tokens, by=PlacedBy.PLACE)
        for each, calls, us in kernels
    ]
    ms, calls = sum(row.ms for row in rows), sum(row.calls for row in rows)
    return TracedRole(
        role=name, ms=ms, share=1.0, calls=calls, by=PlacedBy.PLACE, floor_ms=None,
        ceiling_ms=None, ours_ms=None, ours=None, kernels=rows,
    )  # fmt: skip


def test_a_copy_before_attention_is_no_small_kernel():
    """128 copies of 15.7 us and 384 kernels of 2 us: 2.01 and 0.77 ms."""
    rope = role(Role.ROPE_CACHE, ("direct_copy", 128, 15.7), ("mul", 256, 2.0), ("cat", 128, 2.0))
    long, small = losses(None, [rope], "token", 1.0)
    assert long.ms == pytest.approx(2.0096) and "direct_copy" in long.sentence
    assert small.ms == pytest.approx(0.768) and small.sentence.startswith("384 small kernels")


def test_a_call_is_as_long_whatever_a_step_yields():
    """Times are of a token and calls of a step: 15.7 us, not 15.7 / 2.6."""
    kernels = ("direct_copy", 128, 15.7), ("mul", 256, 2.0)
    rope = role(Role.ROPE_CACHE, *kernels, tokens=2.6)
    long, small = losses(None, [rope], "token", 2.6)
    assert long.ms == pytest.approx(2.0096 / 2.6) and "direct_copy" in long.sentence
    assert small.ms == pytest.approx(0.512 / 2.6)
