"""Kernels of a small role that take longer than its reading can are told apart from small ones."""

import pytest

from truetpot.records.stack import PlacedBy, Role
from truetpot.records.trace import TracedKernel, TracedRole
from truetpot.stack.losses import losses


def role(name, *kernels):
    """Of (kernel, calls, us a call)."""
    rows = [
        TracedKernel(name=each, calls=calls, ms=calls * us / 1e3, by=PlacedBy.PLACE)
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
    long, small = losses(None, [rope], "token")
    assert long.ms == pytest.approx(2.0096) and "direct_copy" in long.sentence
    assert small.ms == pytest.approx(0.768) and small.sentence.startswith("384 small kernels")
