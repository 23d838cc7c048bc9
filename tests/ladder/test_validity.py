"""What cannot be true makes a run invalid, and says so."""

import pytest

from truetpot.ladder import Extent, Swept, Work, build_ladder
from truetpot.ladder.validity import impossible
from truetpot.records.rungs import Rung

WHOLE = Extent(1, 1)


def spec(ms):
    return Rung(ms_per_token=ms)


def test_nothing_is_wrong(timings):
    assert impossible(timings, WHOLE, spec(9999.0)) == []


def test_a_step_below_the_datasheet(timings):
    # the fastest step takes 10 s
    assert impossible(timings, WHOLE, spec(10_000.0)) == []
    assert impossible(timings, WHOLE, spec(10_001.0)) == [
        "INVALID RUN: a step took 10000.000 ms and no less than 10001.000 ms is possible"
    ]
    assert impossible(timings, Extent(1, 2), spec(10_001.0)) == [], "an extrapolation is no proof"
    assert impossible(timings, WHOLE, None) == []


@pytest.mark.parametrize("which", ["step", "kernel", "eager"])
def test_a_host_that_is_faster_than_the_device(timings, which):
    if which == "eager":
        timings.eager = type(timings.step)("eager step", device_s=[1, 1, 1], wall_s=[1, 1, 1])
    kernel = timings.kernels[0].samples
    one = {"step": timings.step, "kernel": kernel, "eager": timings.eager}[which]
    one.wall_s[1] = one.device_s[1] * 0.9
    (found,) = impossible(timings, WHOLE, None)
    assert found.startswith(f"INVALID RUN: {one.name}: a sample took ")
    assert "on the host" in found


def test_clocks_are_read_at_slightly_different_instants(timings):
    timings.step.wall_s[0] = timings.step.device_s[0] * 0.9995
    assert impossible(timings, WHOLE, None) == []


def test_a_kernel_below_its_own_floor(timings):
    timings.kernels[1].samples.floor_s = 4.5
    (found,) = impossible(timings, WHOLE, None)
    assert found == (
        "INVALID RUN: b: a sample took 4 s and the datasheet allows no less than 4.5 s"
    )
    ladder = build_ladder(Work(10), WHOLE, None, Swept("numba", 1.0), timings)
    assert not ladder.valid
    assert ladder.warnings == (found,)


def test_a_time_that_is_none(timings):
    timings.step.device_s[2] = timings.step.wall_s[2] = 0.0
    (found,) = impossible(timings, WHOLE, None)
    assert found == "INVALID RUN: step: a sample took 0 s"
