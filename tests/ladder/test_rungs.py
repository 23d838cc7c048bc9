"""Every rung, loss and warning, against tables worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from truetpot.facts.floor import floor
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.ladder import Extent, StepTimings, Swept, Work, build_ladder, losses, share_of_ceiling
from truetpot.ladder.roof import raised
from truetpot.ladder.rungs import at_step_s
from truetpot.records.rungs import Rung, Rungs
from truetpot.stats import Stop

from .conftest import kernel, timed

WHOLE = Extent(4, 4)
SWEPT = Swept("numba", 2.0)


def rungs_of(ladder):
    return {name: rung.ms_per_token for name, rung in ladder.rungs.present()}


def test_all_layers_by_hand(timings):
    # step: median of 10, 20, 12 is 12 s. kernels: 2a + b = 8, 16, 8; over the step 0.8, 0.8, 0.667,
    # whose median is 0.8: 9.6 s. ceiling: 10 bytes at 1, 0.5, 1 byte/s take 10, 20, 10 s; over the
    # step 1, 1, 0.833, median 1: 12 s
    ladder = build_ladder(Work(10), WHOLE, swept=SWEPT, timings=timings)
    assert rungs_of(ladder) == pytest.approx({"ceiling": 12e3, "kernels": 9.6e3, "step": 12e3})
    assert ladder.losses == pytest.approx({"kernels/ceiling": 0.8, "step/kernels": 1.25})
    assert ladder.share_of_ceiling == pytest.approx(1.0)
    assert ladder.rungs.kernels.own_median_ms == pytest.approx(8e3)
    assert ladder.rungs.ceiling.own_median_ms == pytest.approx(10e3)
    assert ladder.rungs.step.ci_ms == pytest.approx((10e3, 20e3))
    assert ladder.rungs.kernels.ci_ms == pytest.approx((8e3, 9.6e3))
    assert ladder.rungs.step.source == "3 steps, noise"
    assert ladder.valid
    assert ladder.warnings == ()
    assert not any(rung.extrapolated for _, rung in ladder.rungs.present())


def test_the_ceilings_source_gives_its_time(timings):
    source = build_ladder(Work(10), WHOLE, swept=SWEPT, timings=timings).rungs.ceiling.source
    assert source == "0.000 GB / 0.0 GB/s measured (numba memory_read)"
    large = build_ladder(Work(12 * 10**9), WHOLE, swept=Swept("torch", 3e9)).rungs.ceiling
    assert large.source == "12.000 GB / 3.0 GB/s measured (torch memory_read)"
    assert large.ms_per_token == pytest.approx(4e3)


def test_one_of_four_layers_by_hand(timings):
    # 4 layers: a 8 times, b once. kernels: 20, 40, 20 s; step times (20 / 8) in every round: 25,
    # 50, 30, median 30. kernels over step: 0.8, 0.8, 0.667: 24 s. ceiling: 40 bytes take 40, 80,
    # 40 s; over the step 1.6, 1.6, 1.333: 48 s
    ladder = build_ladder(Work(40), Extent(1, 4), swept=SWEPT, timings=timings)
    assert rungs_of(ladder) == pytest.approx({"ceiling": 48e3, "kernels": 24e3, "step": 30e3})
    note = "measured 1 of 4 layers, extrapolated"
    assert ladder.warnings == (note,)
    assert ladder.rungs.step.source == f"3 steps, noise; {note}, in proportion to the kernels"
    assert ladder.rungs.kernels.source == (f"sum of 2 kernels, each over all layers, cold; {note}")
    assert ladder.rungs.kernels.extrapolated
    assert ladder.rungs.step.extrapolated
    assert not ladder.rungs.ceiling.extrapolated


def test_an_eager_step_by_hand(timings):
    # 15, 30, 12 s over the step's 10, 20, 12: 1.5, 1.5, 1
    timings.eager = timed("eager step", [15, 30, 12])
    ladder = build_ladder(Work(10), WHOLE, swept=SWEPT, timings=timings)
    assert ladder.rungs.eager.ms_per_token == pytest.approx(18e3)
    assert ladder.losses["eager/step"] == pytest.approx(1.5)
    assert ladder.rungs.step.source == "3 steps, noise, captured in a graph"
    partial = build_ladder(Work(40), Extent(1, 4), swept=SWEPT, timings=timings)
    assert partial.rungs.eager.ms_per_token == pytest.approx(1.5 * 30e3)
    assert partial.rungs.eager.extrapolated


def test_the_table_of_kernels_by_hand(timings):
    # at the step's median: a over the step 0.2, 0.2, 0.167: 2.4 s a call; b 0.4: 4.8 s
    a, b = build_ladder(Work(10), WHOLE, swept=SWEPT, timings=timings).operators
    assert (a.role, b.role) == ("a", "b"), "two calls of a are as long as one of b: order stays"
    assert (a.at_step_s, b.at_step_s) == pytest.approx((2.4, 4.8))
    assert (a.median_s, b.median_s) == (2, 4)
    assert (a.share, b.share) == pytest.approx((0.5, 0.5))
    assert a.share_of_ceiling is None, "8 bytes may come from a cache"
    assert sum(row.count * row.at_step_s for row in (a, b)) == pytest.approx(9.6)


def test_share_of_the_ceiling_of_a_kernel():
    large = 4 << 20
    timings = StepTimings(
        timed("step", [8.0] * 6),
        [kernel("gate_up", [8.0] * 6, bytes=large), kernel("rms", [1.0] * 6, bytes=64)],
        timed("ceiling", [1.0] * 6, bytes=1 << 20),
    )
    rows = {row.role: row for row in build_ladder(Work(9), WHOLE, None, SWEPT, timings).operators}
    assert rows["gate_up"].share_of_ceiling == pytest.approx(0.5)
    assert rows["rms"].share_of_ceiling is None


def test_a_kernel_beyond_the_ceiling_raises_it():
    # it reads 2 MiB in the time in which the ceiling's kernel reads 1 MiB
    timings = StepTimings(
        timed("step", [10.0] * 6),
        [kernel("down", [1.0] * 6, bytes=2 << 20), kernel("o", [1.0] * 6, bytes=1 << 20)],
        timed("ceiling", [1.0] * 6, bytes=1 << 20),
    )
    assert raised(timings) == (2.0, "down")
    ladder = build_ladder(Work(8 << 20), WHOLE, None, SWEPT, timings)
    assert ladder.rungs.ceiling.ms_per_token == pytest.approx(4e3)
    assert "raised by a kernel" in ladder.rungs.ceiling.source
    assert ladder.share_of_ceiling == pytest.approx(0.4)
    rows = {row.role: row.share_of_ceiling for row in ladder.operators}
    assert rows == pytest.approx({"down": 1.0, "o": 0.5})
    (warning,) = ladder.warnings
    assert warning.startswith("down read 2.000 times as fast as the best read kernel")


@pytest.mark.parametrize(
    ("seconds", "size", "why"),
    [
        ([0.5] * 5 + [3.0], 2 << 20, "one sample in six is below: the interval reaches under 1"),
        ([1.0] * 6, 1 << 20, "as fast as the ceiling"),
        ([0.01] * 6, 1 << 19, "so few bytes may stay in a cache"),
    ],
)
def test_what_does_not_raise_the_ceiling(seconds, size, why):
    timings = StepTimings(
        timed("step", [10.0] * 6),
        [kernel("down", seconds, bytes=size)],
        timed("ceiling", [1.0] * 6, bytes=1 << 20),
    )
    assert raised(timings) == (1.0, ""), why


def test_a_sample_much_shorter_than_the_ceilings_does_not_raise_it():
    # bandwidth comes in bursts: 2 MiB in one burst are no match for 64 MiB
    timings = StepTimings(
        timed("step", [10.0] * 6),
        [kernel("down", [0.1] * 6, bytes=2 << 20)],
        timed("ceiling", [1.0] * 6, bytes=1 << 20, per_sample=64),
    )
    assert raised(timings) == (1.0, "")


def test_without_timings_there_is_the_floor_and_the_sweep():
    spec = floor(
        load_model("qwq-32b"),
        load_hardware("arc-a770"),
        Workload(tp=4, format="fp8_e5m2", kv_format="fp16", context=1024),
    )
    alone = build_ladder(Work(spec.traffic.bound), Extent(64, 64), spec)
    assert rungs_of(alone) == pytest.approx({"spec": spec.ms_per_token})
    assert alone.losses == {}
    assert alone.share_of_ceiling is None
    swept = build_ladder(Work(spec.traffic.bound), Extent(64, 64), spec, Swept("opencl", 400e9))
    assert swept.rungs.ceiling.ms_per_token == pytest.approx(spec.traffic.bound / 400e9 * 1e3)
    assert swept.losses == pytest.approx({"ceiling/spec": 560 / 400})
    begun = StepTimings(timed("step", []), [], timed("ceiling", [], bytes=1))
    assert build_ladder(Work(1), WHOLE, None, SWEPT, begun).rungs.step is None


def test_losses_are_the_quotients_of_what_is_there():
    def rung(ms):
        return Rung(ms_per_token=ms)

    rungs = Rungs(spec=rung(400.0), ceiling=rung(432.5), kernels=rung(470.0), step=rung(477.0),
                  eager=rung(954.0))  # fmt: skip
    assert losses(rungs) == pytest.approx(
        {"ceiling/spec": 1.08125, "kernels/ceiling": 470 / 432.5, "step/kernels": 477 / 470,
         "eager/step": 2.0}
    )  # fmt: skip
    assert share_of_ceiling(rungs) == pytest.approx(432.5 / 477)  # 90.7 %
    fewer = replace(rungs, ceiling=None)
    assert set(losses(fewer)) == {"step/kernels", "eager/step"}
    assert share_of_ceiling(fewer) is None


@given(
    st.lists(
        st.tuples(st.floats(0.5, 20.0), st.floats(0.9, 1.1), st.floats(0.9, 1.1)),
        min_size=3, max_size=60,
    )
)  # fmt: skip
def test_what_is_printed_can_be_divided_however_the_machine_drifts(rounds):
    drift, noise, other = (np.array(column) for column in zip(*rounds, strict=True))
    timings = StepTimings(
        timed("step", 10 * drift * noise, bytes=4 << 20, stop=Stop.TIME),
        [kernel("a", 3 * drift * other, count=3, bytes=1 << 20)],
        timed("ceiling", 2 * drift, bytes=1 << 20),
    )
    ladder = build_ladder(Work(4 << 20), WHOLE, None, SWEPT, timings)
    rungs = rungs_of(ladder)
    assert ladder.share_of_ceiling == pytest.approx(rungs["ceiling"] / rungs["step"])
    for loss, value in ladder.losses.items():
        upper, lower = loss.split("/")
        assert value == pytest.approx(rungs[upper] / rungs[lower])
    # and the quotient is the median of the rounds' own
    sums = 9 * drift * other
    assert rungs["kernels"] / rungs["step"] == pytest.approx(
        float(np.median(sums / (10 * drift * noise)))
    )
    assert at_step_s(timings, sums) == pytest.approx(rungs["kernels"] / 1e3)


def test_operations_that_take_longer_are_the_ceiling_by_hand(timings):
    # the product does 4 operations in 1, 2, 1 s; a does 12 a call: 3, 6, 3 s, where its 8 bytes
    # take 8, 16, 8 s. The step's 60 operations take 15, 30, 15 s, its 10 bytes 10, 20, 10: over
    # the step 1.5, 1.5, 1.25, median 1.5: 18 s
    timings.gemm = timed("gemm", [1, 2, 1], operations=4)
    swept = Swept("numba", 2.0, 4.0, "torch.matmul 1 x 2 x 1 fp32")
    ceiling = build_ladder(Work(10, 60), WHOLE, swept=swept, timings=timings).rungs.ceiling
    assert ceiling.bound_by == "operations"
    assert ceiling.ms_per_token == pytest.approx(18e3)
    assert ceiling.own_median_ms == pytest.approx(15e3)
    assert ceiling.source.endswith("TFLOPS measured (torch.matmul 1 x 2 x 1 fp32)")
    few = build_ladder(Work(10, 39), WHOLE, swept=swept, timings=timings).rungs.ceiling
    assert (few.bound_by, few.ms_per_token) == ("bytes", pytest.approx(12e3))


def test_a_rate_that_was_swept_bounds_where_the_product_took_no_part(timings):
    # 60 operations at 4 a second take 15 s in every round: over the step 1.5, 0.75, 1.25
    swept = Swept("numba", 2.0, 4.0, "gemm")
    ceiling = build_ladder(Work(10, 60), WHOLE, swept=swept, timings=timings).rungs.ceiling
    assert (ceiling.bound_by, ceiling.ms_per_token) == ("operations", pytest.approx(15e3))
    untimed = build_ladder(Work(10, 60), WHOLE, swept=swept).rungs.ceiling
    assert (untimed.bound_by, untimed.ms_per_token) == ("operations", pytest.approx(15e3))


def test_each_kernel_has_the_share_of_what_bounds_it():
    # reads: 1 MiB in 1 s; products: 100 operations in 1 s. qkv reads 4 MiB in 8 s: half. down does
    # 600 operations, 6 s of its 8, and reads 2 MiB, 2 s of them
    timings = StepTimings(
        timed("step", [16.0] * 6),
        [kernel("qkv", [8.0] * 6, bytes=4 << 20), kernel("down", [8.0] * 6, bytes=2 << 20)],
        timed("ceiling", [1.0] * 6, bytes=1 << 20),
        gemm=timed("gemm", [1.0] * 6, operations=100),
    )
    timings.kernels[1].samples.operations = 600
    swept = Swept("numba", 1 << 20, 100.0, "gemm")
    ladder = build_ladder(Work(6 << 20, 600), WHOLE, None, swept, timings)
    rows = {row.role: (row.bound_by, row.share_of_ceiling) for row in ladder.operators}
    assert rows == {"qkv": ("bytes", 0.5), "down": ("operations", 0.75)}
    assert ladder.warnings == ()


def test_a_kernel_that_computes_faster_than_the_product_raises_that_ceiling():
    # 200 operations a second where the product does 100, and half the bandwidth
    timings = StepTimings(
        timed("step", [10.0] * 6),
        [kernel("down", [4.0] * 6, bytes=2 << 20)],
        timed("ceiling", [1.0] * 6, bytes=1 << 20),
        gemm=timed("gemm", [1.0] * 6, operations=100),
    )
    timings.kernels[0].samples.operations = 800
    swept = Swept("numba", 1 << 20, 100.0, "gemm")
    ladder = build_ladder(Work(2 << 20, 800), WHOLE, None, swept, timings)
    assert ladder.rungs.ceiling.ms_per_token == pytest.approx(4e3)
    assert "raised by a kernel" in ladder.rungs.ceiling.source
    assert ladder.operators[0].share_of_ceiling == pytest.approx(1.0)
    (warning,) = ladder.warnings
    assert warning.startswith("down computed 2.000 times as fast as the best matrix product")


def test_a_floor_of_operations_says_what_it_is_made_of():
    spec = floor(
        load_model("qwq-32b"),
        load_hardware("h200"),
        Workload(format="sym_int4", context=0, batch=64),
    )
    rung = build_ladder(Work(1), WHOLE, spec).rungs.spec
    assert rung.bound_by == "operations"
    assert rung.ms_per_token == spec.operations_ms
    assert rung.source == "4.094e12 operations / 989.5 TFLOPS (fp16) of NVIDIA H200 SXM"
