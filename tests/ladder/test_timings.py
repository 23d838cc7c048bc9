"""Which of a step's kernels read from memory."""

import pytest

from truetpot.ladder.operators import kept_in_cache
from truetpot.ladder.timings import StepTimings
from truetpot.stats import Submitted

from .conftest import kernel

MIB = 1 << 20
LAYERS = 4


@pytest.mark.parametrize(
    ("mib_a_call", "per_sample", "cache", "rotated"),
    [
        (1, LAYERS, 64 * MIB, True),  # once round: the rest of the race has been read since
        (1, 2 * LAYERS, 64 * MIB, False),  # twice round 4 MiB, as of a rank's share
        (1, 2 * LAYERS, MIB, True),
        (64, 2 * LAYERS, 64 * MIB, True),
        (0.99, LAYERS, 0, False),  # less than a MiB a call
    ],
)
def test_layers_that_a_cache_holds_are_not_read_from_memory_again(
    mib_a_call, per_sample, cache, rotated
):
    size = int(mib_a_call * MIB)
    one = kernel("down", [1.0], count=LAYERS, bytes=size, different=LAYERS, cache_bytes=cache)
    one.samples.per_sample = per_sample
    assert one.rotated is rotated


@pytest.mark.parametrize(("mib_a_call", "rotated"), [(8, False), (64, True)])
def test_a_replay_comes_behind_another_one_of_the_same_calls(mib_a_call, rotated):
    """Once round the layers is twice round them, and a ladder of few layers says so."""
    one = kernel("o", [1.0], bytes=mib_a_call * MIB, different=LAYERS, cache_bytes=60 * MIB)
    one.samples.per_sample = LAYERS
    assert one.rotated
    one.samples.submitted = Submitted.GRAPH
    assert one.rotated is rotated
    told = kept_in_cache(StepTimings(one.samples, [one, one], one.samples))
    assert len(told) == (not rotated)
    assert all("what o read in the layers" in line and "time more layers" in line for line in told)


@pytest.mark.parametrize(("step", "rotated"), [(255 * MIB, False), (256 * MIB, True)])
def test_a_step_that_a_cache_holds_is_not_read_from_memory(step, rotated):
    one = kernel("down", [1.0], bytes=8 * MIB, cache_bytes=64 * MIB, step_bytes=step)
    assert one.rotated is rotated
