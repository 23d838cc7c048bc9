"""Each finding on a trace: made where the fault is, and in no trace without it."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

import truetpot.stack
from tests.stack import made
from tests.stack.conftest import TRACES
from truetpot.records.verdicts import Severity
from truetpot.stack.findings import kinds
from truetpot.stack.yardstick import from_facts

DOCS = Path(__file__).parents[2] / "docs" / "trace.md"


def ids(run):
    return [one.id for one in run.findings]


def evidence(run, id):
    (found,) = [one.evidence for one in run.findings if one.id == id]
    return found


def test_a_trace_without_faults_has_none(analysed, write):
    (run,) = analysed(write(made.xpu().file()))
    assert run.findings == [] and run.valid


def test_no_device_records(analysed, write):
    trace = made.xpu()
    trace.events = [one for one in trace.events if one["cat"] != "kernel"]
    (run,) = analysed(write(trace.file()))
    launches = 5 * len(made.STEP)
    assert evidence(run, "no-device-records").startswith(f"{launches} launches")
    assert not run.valid and run.stack is None and run.roles == []


def test_kernels_of_hours_are_left_out(analysed, write):
    (clean,) = analysed(write(made.xpu().file()))
    trace = made.xpu()
    last = trace.events[-2]
    assert last["cat"] == "kernel"
    last["dur"] = 48_823e6
    (run,) = analysed(write(trace.file()))
    assert "48,823 s" in evidence(run, "impossible-durations")
    assert not run.valid
    assert run.stack.ms_per_token == pytest.approx(clean.stack.ms_per_token)


def test_work_that_ends_before_it_starts(analysed, write):
    trace = made.xpu()
    trace.events[0]["dur"] = -3.0
    (run,) = analysed(write(trace.file()))
    assert "negative-times" in ids(run) and not run.valid


def test_equal_times_of_different_kernels(analysed, write):
    """torch-xpu-ops#2713: every kernel of a submission has the submission's time."""
    kernels = [(name, 123.456) for name, _ in made.STEP]
    (run,) = analysed(write(made.xpu(kernels=kernels).file()))
    assert "take 123.456 us each" in evidence(run, "equal-durations")
    assert not run.valid


def test_times_in_whole_microseconds_are_equal_by_rounding(analysed, write):
    """unitrace's chrome trace has no others: 7.2 and 7.9 us are 7 there."""
    trace = made.unitrace_chrome()
    for one in trace["traceEvents"]:
        if one["cat"] == "gpu_op":
            one["dur"] = 7
    (run,) = analysed(write(trace))
    assert "equal-durations" not in ids(run)


def test_timestamps_that_a_graph_collapsed(analysed, write):
    """57 % of the kernels share a start: durations stay, pauses go."""
    trace = made.xpu()
    works = [one for one in trace.events if one["cat"] == "kernel"]
    for i, one in enumerate(works):
        one["ts"] = works[i - i % 8]["ts"]
    (run,) = analysed(write(trace.file()))
    assert "share a start, up to 8" in evidence(run, "collapsed-timestamps")
    assert run.stack is None and run.valid
    assert run.busy_ms * 1e3 == pytest.approx(made.BUSY_US)
    assert run.used_steps == 5


def test_kernels_of_one_stream_that_overlap(analysed, write):
    """torch-xpu-ops#3048: what two kernels share is counted once."""
    (run,) = analysed(write(made.xpu(pause=-2.0).file()))
    assert "overlap-in-stream" in ids(run)
    rung = run.stack
    shared = 2.0 * len(made.STEP)
    assert rung.ms_per_token * 1e3 == pytest.approx(made.BUSY_US - shared)
    assert run.busy_ms * 1e3 == pytest.approx(made.BUSY_US - shared, rel=2e-3)


def test_a_short_overlap_is_none(analysed, write):
    (run,) = analysed(write(made.xpu(pause=-0.2).file()))
    assert run.findings == []


def test_dependent_launches_of_cuda_overlap_by_right(analysed, write):
    """A kernel starts while the one before it still runs, and has the time that is left."""
    trace = made.xpu(pause=-2.0)
    for one in trace.events:
        if one["cat"] == "xpu_runtime":
            one["cat"], one["name"] = "cuda_runtime", "cudaLaunchKernelExC"
        else:
            one["args"] = {"stream": 7, "correlation": one["args"]["correlation"], "device": 0}
    (run,) = analysed(write(trace.file()))
    assert run.findings == []
    shared = 2.0 * len(made.STEP)
    assert run.stack.kernels_ms + run.stack.collectives_ms == pytest.approx(
        (made.BUSY_US - shared) / 1e3, rel=2e-3
    )


def test_chance_equals_are_no_finding(analysed, write):
    """Thousands of kernels on a clock of 80 ns, of which many have one time and no neighbours."""
    draw = np.random.default_rng(3)
    trace = made.Xpu()
    for _ in range(100):
        jitter = draw.integers(-2, 3, len(made.STEP)) * 0.08
        trace.step([(n, 40.0 + 0.08 * (i % 5) + j) for i, ((n, _), j) in
                    enumerate(zip(made.STEP, jitter, strict=True))])  # fmt: skip
    (run,) = analysed(write(trace.file()))
    assert "equal-durations" not in ids(run)


def test_a_host_under_a_profiler(analysed, write):
    (run,) = analysed(write(made.xpu(late=True, pause=30.0).file()))
    text = evidence(run, "profiler-cost")
    assert "in all steps" in text and "30.0 us of pause a launch" in text
    assert run.stack.gap_host_ms * 1e3 == pytest.approx(30 * len(made.STEP))


def test_the_profilers_own_work(analysed, write):
    trace = made.xpu()
    trace.kernel("Instrumentation overhead", 900.0)
    (run,) = analysed(write(trace.file()))
    assert "profiler-counted" in ids(run)
    assert all("Instr" not in one.name for row in run.roles for one in row.kernels)


def test_collectives_that_wait(analysed, write):
    """A rank that is first waits in its all-reduce for the others."""
    trace = made.Xpu()
    for i in range(6):
        waits = [(n, d + 200.0 * (i % 2) * ("allreduce" in n)) for n, d in made.STEP]
        trace.step(waits)
    (run,) = analysed(write(trace.file()))
    assert "waiting-collectives" in ids(run)
    # 2 of the 5 steps that are used wait 6 times
    assert run.stack.waiting_ms == pytest.approx(2 / 5 * 6 * 0.2)
    assert run.losses[0].what == "collectives"
    assert "waiting for other ranks" in run.losses[0].sentence


def test_a_collective_beside_kernels_is_counted_where_nothing_hides_it(analysed, write):
    trace = made.Xpu()
    for _ in range(5):
        trace.step()
        beside = trace.now - 600.0
        trace.event(
            "kernel", "oneccl_allgatherv_pcie", beside, 500.0, {"sycl queue": "0x99", "device": 0}
        )
    (hidden,), (clean,) = analysed(write(trace.file())), analysed(write(made.xpu().file()))
    # the pauses between the kernels beside it are the time in which it is alone
    more = hidden.stack.collectives_ms - clean.stack.collectives_ms
    assert 0 <= more * 1e3 <= 3 * made.PAUSE_US
    assert hidden.stack.kernels_ms == pytest.approx(clean.stack.kernels_ms)


def test_below_the_floor_and_in_the_cache(analysed, write):
    yardstick = from_facts("qwq-32b", "arc-pro-b60", 1, "sym_int4", "fp16", 1024, 1)
    trace = made.Xpu()
    for _ in range(5):
        trace.step(scale=0.1)
    (run,) = analysed(write(trace.file()), yardstick=yardstick)
    found = {one.id: one for one in run.findings}
    assert found["below-floor"].severity == Severity.ERROR and not run.valid
    # o has 14 MB, which the 18 MiB of a B60's cache can hold; gate_up's 150 MB it cannot
    texts = [one.evidence for one in run.findings if one.id == "below-floor"]
    assert any(one.startswith("gate_up takes") for one in texts)
    assert not any(one.startswith("o takes") for one in texts)
    cached = [one.evidence for one in run.findings if one.id == "may-be-cached"]
    assert any(one.startswith("o takes") for one in cached)


def test_grids_that_are_zero(analysed, write):
    trace = made.unitrace_chrome()
    for one in trace["traceEvents"]:
        one["name"] = one["name"].replace("{56; 1; 1} {64; 8; 1}", "{0; 0; 0} {0; 0; 0}")
    (run,) = analysed(write(trace))
    assert "shape-lost" in ids(run)


def test_kernels_that_nobody_knows(analysed, write):
    kernels = [*made.STEP, ("my_secret_kernel<3>", 90.0)]
    (run,) = analysed(write(made.xpu(kernels=kernels).file()))
    assert "my_secret_kernel<3>" in evidence(run, "unknown-kernels")
    (row,) = [row for row in run.roles if row.role == "unknown"]
    assert row.ms == pytest.approx(0.09)


def test_nothing_repeats(analysed, write):
    trace = made.Xpu()
    for i in range(20):
        trace.kernel(f"kernel_{i}", 10.0)
    (run,) = analysed(write(trace.file()))
    assert "no-steps" in ids(run) and run.per == "file"
    assert run.busy_ms == pytest.approx(0.2)


def test_every_finding_has_its_line_in_the_docs_and_a_reason():
    text = DOCS.read_text()
    folder = Path(truetpot.stack.__file__).parent
    assert set(kinds()) == set(tomllib.loads((folder / "findings.toml").read_text()))
    for id, kind in kinds().items():
        assert f"`{id}`" in text, id
        assert kind.fix.endswith(".") and kind.severity in set(Severity)
        assert not kind.value or kind.reason, id


def test_the_real_traces_have_no_other_findings(analysed):
    for name, expected in (("compiled", ["disturbed-steps"]), ("eager", None)):
        (run,) = analysed(TRACES / f"qwq32b-4layers-{name}.pt.trace.json.gz")
        assert ids(run) == (expected or ["disturbed-steps", "profiler-cost"])
