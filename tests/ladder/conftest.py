"""Samples of a made-up step, short enough to be worked out by hand."""

import pytest

from truetpot.ladder import KernelTiming, StepTimings
from truetpot.stats import Samples, Stop


def timed(name, seconds, **fields):
    """Samples whose two clocks agree."""
    return Samples(
        name, device_s=list(seconds), wall_s=list(seconds), enqueue_s=list(seconds), **fields
    )


def kernel(role, seconds, count=1, bytes=1 << 20, **fields):
    """One that reads its bytes from memory."""
    about = {"op": "linear", "provider": "numba", "case": "m=1", "resident_bytes": bytes} | fields
    return KernelTiming(
        timed(role, seconds, bytes=bytes), role, about.pop("op"), about.pop("provider"),
        about.pop("case"), count, **about,
    )  # fmt: skip


@pytest.fixture
def timings():
    """Three rounds; the machine is twice as slow in the second.

    ======== ======= ======= ======= ==============================
    seconds  round 1 round 2 round 3
    step     10      20      12
    a, twice 2       4       2       8 bytes a call
    b, once  4       8       4       layers do not repeat it
    ceiling  1       2       1       1 byte a call
    ======== ======= ======= ======= ==============================
    """
    return StepTimings(
        timed("step", [10, 20, 12], bytes=10, stop=Stop.NOISE),
        [kernel("a", [2, 4, 2], count=2, bytes=8),
         kernel("b", [4, 8, 4], layered=False, bytes=2)],
        timed("ceiling", [1, 2, 1], bytes=1),
    )  # fmt: skip
