"""Which of a step's kernels read from memory."""

import pytest

from truetpot.decode.engine import KernelUse
from truetpot.measure.race import Entrant
from truetpot.measure.step import KernelTiming
from truetpot.ops import LINEAR, LinearCase

MIB = 1 << 20
LAYERS = 4


def timing(rows, per_sample, cache):
    """A linear of 4096 columns in bf16, so 8 KiB a row, once in each of four layers."""
    case = LinearCase("bf16", 1, rows, 4096, "bf16")
    calls = [lambda: None] * LAYERS
    use = KernelUse("down", LINEAR, "torch", case, LAYERS, calls, None, True)
    return KernelTiming(use, Entrant("down", calls, per_sample=per_sample), cache)


@pytest.mark.parametrize(
    ("rows", "per_sample", "cache", "rotated"),
    [
        (128, LAYERS, 64 * MIB, True),  # once round: the rest of the race has been read since
        (128, 2 * LAYERS, 64 * MIB, False),  # twice round 4 MiB, as of a rank's share
        (128, 2 * LAYERS, MIB, True),
        (8192, 2 * LAYERS, 64 * MIB, True),
        (127, LAYERS, 0, False),  # less than a MiB a call
    ],
)
def test_layers_that_a_cache_holds_are_not_read_from_memory_again(rows, per_sample, cache, rotated):
    assert timing(rows, per_sample, cache).rotated is rotated
