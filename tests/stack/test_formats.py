"""Every format, from files made to its schema."""

import gzip
import json
import sqlite3

import pytest

from tests.stack import made
from truetpot.records.stack import PlacedBy, Role, StepPhase
from truetpot.stack.trace import Gemm, read_trace
from truetpot.stack.yardstick import from_facts

ROLES_US = {
    Role.EMBEDDING: 5, Role.NORM: 4 * 7, Role.QKV: 60 * 3, Role.ROPE_CACHE: 6.5 * 3,
    Role.ATTENTION: 30 * 3, Role.ATTENTION_REDUCTION: 4.5 * 3, Role.O: 45 * 3,
    Role.COLLECTIVE: 40 * 3, Role.GATE_UP: 240 * 3, Role.ACTIVATION: 6 * 3, Role.DOWN: 120 * 3,
    Role.LM_HEAD: 600, Role.SAMPLING: 12,
}  # fmt: skip
"""Of a step of made.STEP."""


def held(run, scale=1):
    """Roles and busy time are those of the made step."""
    assert {row.role: round(row.ms * 1e3 / scale, 3) for row in run.roles} == ROLES_US
    assert run.busy_ms * 1e3 == pytest.approx(made.BUSY_US * scale)
    assert run.layers == made.LAYERS


def test_torch_profiler_on_xpu(analysed, write):
    """Made to the schema; not read from an Arc card."""
    file = made.xpu().file(distributedInfo={"rank": 2, "world_size": 4})
    (run,) = analysed(write(file))
    held(run)
    assert run.format == "torch.profiler, XPU" and run.rank == 2
    assert run.device == "Intel(R) Arc(TM) Pro B60 Graphics"
    assert [step.phase for step in run.steps] == [StepPhase.DECODE] * 5
    assert run.used_steps == 4 and run.stack.launches == len(made.STEP)
    assert run.stack.gap_queued_ms * 1e3 == pytest.approx(made.PAUSE_US * len(made.STEP))
    assert run.stack.gap_host_ms == 0 and abs(run.stack.unexplained_ms) < 1e-9


def test_a_compressed_trace_and_one_that_is_a_list(analysed, tmp_path, write):
    whole = made.xpu().file()
    packed = tmp_path / "a.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(whole).encode()))
    for file in (packed, write(whole["traceEvents"])):
        (run,) = analysed(file)
        held(run)


def test_unitrace_chrome(analysed, write):
    (run,) = analysed(write(made.unitrace_chrome()))
    held(run, made.UNITRACE_SCALE)
    assert run.format == "unitrace, chrome trace"
    assert run.stack.launches == len(made.STEP)
    # each call began before the kernel that it launched could: an arrow tells when
    assert run.stack.gap_queued_ms * 1e3 == pytest.approx(len(made.STEP))
    assert run.stack.gap_host_ms == 0 and run.stack.unexplained_ms == pytest.approx(0)
    # whole microseconds are equal by rounding
    assert not {one.id for one in run.findings} & {"equal-durations", "collapsed-timestamps"}


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_unitrace_csv(analysed, write, name):
    (run,) = analysed(write(made.unitrace_csv(), name))
    names = {one.name: one.calls for row in run.roles for one in row.kernels}
    assert names == {
        "gemm_kernel 160x1x1/16x4x1": 12,
        "void f<int, float>(int, float) 1x1x1/64x1x1": 3,  # its commas are no columns
        "one_width 2x1x1/64x1x1": 1,
        "no_width 2x1x1/64x1x1": 1,
        "zeCommandListAppendMemoryCopy(M2D)": 2,
    }
    assert run.busy_ms == pytest.approx(0.733)


def test_unitrace_metrics(analysed, write):
    (run,) = analysed(write(made.unitrace_metrics(), "a.metrics.csv"))
    (kernel,) = (one for row in run.roles for one in row.kernels)
    assert kernel.calls == 3 and kernel.read_bytes == 6 * 4096
    assert run.busy_ms == pytest.approx(0.006)


def test_rocprof(analysed, write):
    (run,) = analysed(write(made.rocprof(), "kernel_trace.csv"))
    held(run)
    assert run.device == "Agent 4"
    # nothing tells when the host submitted: no pause is anybody's
    assert run.stack.unexplained_ms * 1e3 == pytest.approx(len(made.STEP))
    assert run.stack.launches is not None


def test_nsys_summary(analysed, write):
    (run,) = analysed(write(made.nsys_sum(), "a.csv"))
    assert {row.role: (row.calls, row.ms) for row in run.roles} == {
        Role.GEMM: (30, pytest.approx(0.003)),
        Role.UNKNOWN: (10, pytest.approx(0.001)),
    }


def test_nsys_trace(analysed, write):
    (run,) = analysed(write(made.nsys_trace(), "a.csv"))
    held(run)
    assert run.device == "NVIDIA L4 (0)"


def database(path, steps=4, diagnostic=True, graph=False):
    """``nsys export --type sqlite``, the tables and columns that are read.

    Written from others' queries of such files; NVIDIA's list of all columns was not read.
    """
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT)")
        base.execute("CREATE TABLE TARGET_INFO_GPU (id INTEGER, name TEXT)")
        base.execute("INSERT INTO TARGET_INFO_GPU VALUES (0, 'NVIDIA L4')")
        if graph:
            base.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE (start INTEGER)")
            return path
        names = {name: i for i, (name, _) in enumerate(dict(made.STEP).items(), 1)}
        base.executemany("INSERT INTO StringIds VALUES (?, ?)", [(i, n) for n, i in names.items()])
        base.execute("INSERT INTO StringIds VALUES (99, 'cudaLaunchKernel_v7000')")
        base.execute(
            "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT, deviceId INT, streamId "
            "INT, correlationId INT, demangledName INT, shortName INT, gridX INT, gridY INT, "
            "gridZ INT)"
        )
        base.execute(
            "CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INT, end INT, correlationId INT, "
            "nameId INT)"
        )
        now, id = 1000, 0
        for _ in range(steps):
            for name, duration in made.STEP:
                id, end = id + 1, now + round(duration * 1e3)
                row = (now, end, 0, 7, id, names[name], names[name], 4, 1, 1)
                base.execute(
                    f"INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES ({','.join('?' * 10)})", row
                )
                base.execute(
                    "INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (?, ?, ?, 99)",
                    (now - 500, now, id),
                )
                now = end + 1000
        if diagnostic:
            base.execute("CREATE TABLE DIAGNOSTIC_EVENT (severity INT, text TEXT)")
            base.execute(
                "INSERT INTO DIAGNOSTIC_EVENT VALUES (3, 'Not all events were collected.')"
            )
            base.execute("INSERT INTO DIAGNOSTIC_EVENT VALUES (1, 'Started.')")
    return path


def test_nsys_sqlite(analysed, tmp_path):
    (run,) = analysed(database(tmp_path / "a.sqlite"))
    held(run)
    assert run.device == "NVIDIA L4"
    # each is submitted 0.5 us before its start, after the last one's end
    assert run.stack.gap_host_ms * 1e3 == pytest.approx(len(made.STEP))
    said = [one.evidence for one in run.findings if one.id == "profiler-says"]
    assert said == ["Not all events were collected."]


def test_nsys_of_whole_graphs_says_what_to_do(analysed, tmp_path):
    (run,) = analysed(database(tmp_path / "a.sqlite", graph=True))
    assert {one.id for one in run.findings} >= {"no-device-records", "profiler-says"}
    assert any("--cuda-graph-trace=node" in one.evidence for one in run.findings)


def test_onednn(analysed, write):
    file = write(made.onednn(), "log.txt")
    kernels = read_trace(file).kernels
    assert kernels.gemms[0] == Gemm(1, 7168, 5120) and not kernels.timed
    yardstick = from_facts("qwq-32b", "arc-pro-b60", 1, "sym_int4", "fp16", 1024, 1)
    (run,) = analysed(file, yardstick=yardstick)
    assert run.stack is None and run.per == "token" and run.used_steps == 4
    times = {row.role: (row.ms, row.by) for row in run.roles}
    assert times[Role.GATE_UP] == (pytest.approx(0.48), PlacedBy.SHAPE)
    assert times[Role.LM_HEAD] == (pytest.approx(0.6), PlacedBy.SHAPE)


def test_onednn_without_times_says_so(analysed, write):
    text = "\n".join(
        line.rpartition(",")[0] + ",0" if ",exec," in line else line
        for line in made.onednn().splitlines()
    )
    (run,) = analysed(write(text, "log.txt"))
    assert any("made without profiling" in one.evidence for one in run.findings)


def test_llama_perf_logger(analysed, write):
    (run,) = analysed(write(made.llama(), "log.txt"))
    assert run.per == "token" and run.steps_by == "block" and run.decode_steps == 3
    times = {row.role: (row.ms, row.calls) for row in run.roles}
    assert times[Role.ATTENTION] == (pytest.approx(1.92), 64)
    assert times[Role.NORM] == (pytest.approx(0.516), 129)
    assert run.busy_ms == pytest.approx(9.760)  # as its last line says
    assert run.layers == 64


def test_products_of_llama_by_shape(analysed, write):
    yardstick = from_facts("qwq-32b", "arc-pro-b60", 1, "sym_int4", "fp16", 1024, 1)
    (run,) = analysed(write(made.llama(), "log.txt"), yardstick=yardstick)
    roles = {row.role: row.ms for row in run.roles}
    assert roles[Role.LM_HEAD] == pytest.approx(1.5)
