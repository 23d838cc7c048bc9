"""Figures of two real traces, of torch.profiler on an H200: four layers, three steps."""

import pytest

from tests.stack.conftest import TRACES
from truetpot.records.stack import PlacedBy, Role, StepPhase
from truetpot.records.verdicts import Severity
from truetpot.stack.trace import Gemm
from truetpot.stack.yardstick import from_facts

CLOSE = 0.005
COMPILED = TRACES / "qwq32b-4layers-compiled.pt.trace.json.gz"
EAGER = TRACES / "qwq32b-4layers-eager.pt.trace.json.gz"


@pytest.mark.parametrize(
    ("file", "period_us", "kernels_us", "launches"),
    [(COMPILED, 1651, (1593, 1607), 4), (EAGER, 7616, (1867, 1870), 237)],
    ids=["compiled", "eager"],
)
def test_periods_and_sums_of_the_steps(analysed, file, period_us, kernels_us, launches):
    (run,) = analysed(file)
    assert [step.phase for step in run.steps] == [StepPhase.DECODE] * 3
    assert run.steps[1].period_ms == pytest.approx(period_us / 1e3, rel=CLOSE)
    low, high = kernels_us
    for step in run.steps:
        assert low * (1 - CLOSE) <= step.busy_ms * 1e3 <= high * (1 + CLOSE)
    assert run.steps[1].launches == launches
    assert run.stack.ms_per_token == run.steps[1].period_ms  # the third has no end
    assert run.layers == 4 and run.valid


@pytest.mark.parametrize("file", [COMPILED, EAGER], ids=["compiled", "eager"])
def test_the_first_step_is_named_disturbed(analysed, file):
    (run,) = analysed(file)
    assert [step.disturbed for step in run.steps] == [True, False, False]
    assert [step.used for step in run.steps] == [False, True, False]
    (found,) = [one for one in run.findings if one.id == "disturbed-steps"]
    assert found.evidence.startswith("Step 1 of 3: ")


def test_only_the_eager_pauses_are_the_hosts(analysed):
    """5.13 ms a step by events without the profiler, 7.62 with it; compiled, the host is ahead."""
    (eager,), (compiled,) = analysed(EAGER), analysed(COMPILED)
    assert "profiler-cost" in {one.id for one in eager.findings}
    assert "profiler-cost" not in {one.id for one in compiled.findings}
    assert eager.stack.gap_host_ms > 0.7 * eager.stack.ms_per_token
    assert compiled.stack.gap_host_ms == 0
    assert eager.losses[0].what == "host"


@pytest.mark.parametrize("file", [COMPILED, EAGER], ids=["compiled", "eager"])
def test_the_parts_add_up(analysed, file):
    (run,) = analysed(file)
    rung = run.stack
    parts = rung.kernels_ms + rung.collectives_ms + rung.copies_ms
    parts += rung.gap_host_ms + rung.gap_queued_ms + rung.unexplained_ms
    assert parts == pytest.approx(rung.ms_per_token, rel=1e-9)
    assert abs(rung.unexplained_ms) < 1e-6
    assert sum(row.ms for row in run.roles) == pytest.approx(rung.kernels_ms + rung.copies_ms)


@pytest.mark.parametrize("file", [COMPILED, EAGER], ids=["compiled", "eager"])
def test_every_product_has_its_role(analysed, file):
    """By the calls of a layer: q, k and v alone with their split sums, gate and up alone."""
    (run,) = analysed(file)
    calls = {row.role: row.calls for row in run.roles}
    expected = {
        Role.QKV: 4 * 5, Role.O: 4, Role.GATE_UP: 4 * 2, Role.DOWN: 4 * 2, Role.LM_HEAD: 1,
        Role.ATTENTION_REDUCTION: 4,
    }  # fmt: skip
    assert {role: calls[role] for role in expected} == expected
    assert Role.UNKNOWN not in calls and Role.GEMM not in calls
    times = {row.role: row.ms for row in run.roles}
    assert times[Role.LM_HEAD] == pytest.approx(0.369, rel=0.01)


def test_roles_by_shape_and_by_place_agree(analysed):
    yardstick = from_facts("qwq-32b", "h200", 1, "bf16", "bf16", 1200, 1)
    (plain,), (shaped,) = analysed(EAGER), analysed(EAGER, yardstick=yardstick)
    assert {row.role: row.ms for row in plain.roles} == {row.role: row.ms for row in shaped.roles}
    by = {row.role: row.by for row in shaped.roles}
    assert by[Role.GATE_UP] == by[Role.DOWN] == by[Role.LM_HEAD] == PlacedBy.SHAPE
    assert by[Role.O] == PlacedBy.PLACE  # q alone has the same shape
    assert shaped.layers_total == 64
    assert shaped.floor_ms == pytest.approx(1.1411, rel=1e-3)  # of four layers and lm_head
    assert all(row.ms > row.floor_ms for row in shaped.roles if row.floor_ms)


def test_operations_bound_a_role_where_they_take_longer_than_its_bytes(analysed):
    yardstick = from_facts("qwq-32b", "h200", 1, "sym_int4", "bf16", 1200, 256)
    (run,) = analysed(EAGER, yardstick=yardstick)
    floors = {row.role: row.floor_ms for row in run.roles}
    # four layers, 256 rows, 1979e12 operations a second; 4.25 bits a weight would take 0.126 ms
    weights = 4 * 2 * 27648 * 5120
    assert floors[Role.GATE_UP] == pytest.approx(2 * 256 * weights / 1979e12 * 1e3)
    # a sequence's 2 x 8 heads of 128 in 2 bytes take longer to read than to multiply by 40 heads
    assert floors[Role.ATTENTION] == pytest.approx(4 * 256 * 1200 * 4096 / 4.8e12 * 1e3)
    lines = 4 * 5120 * (7168 + 5120 + 3 * 27648) + 152064 * 5120
    operations = 2 * 256 * lines + 4 * 256 * 1200 * 4 * 40 * 128
    moved = lines * 4.25 / 8 + 4 * 256 * 1200 * 4096
    assert run.floor_ms == pytest.approx(max(operations / 1979e12, moved / 4.8e12) * 1e3)
    assert yardstick.gemm_least_ms(Gemm(256, 5120, 5120)) == pytest.approx(
        2 * 256 * 5120 * 5120 / 1979e12 * 1e3
    )


def test_no_cache_explains_fewer_operations_than_the_rows_need(analysed):
    found = {}
    for batch in (256, 8192):
        yardstick = from_facts("qwq-32b", "h200", 1, "sym_int4", "bf16", 1200, batch)
        (run,) = analysed(EAGER, yardstick=yardstick)
        found[batch] = {one.evidence.split()[0] for one in run.findings if one.id == "below-floor"}
    # o's 14 MB fit the 50 MB of an H200's cache, and 8192 rows of it are 0.87 ms in four layers
    assert "o" in found[8192] and "o" not in found[256]


@pytest.mark.parametrize(
    ("model", "batch", "says"),
    [
        ("qwq-32b", 8, "have 1 rows and a step of qwq-32b"),
        ("llama-3.1-70b", 1, "has a shape of llama-3.1-70b at tp = 1"),
        ("qwq-32b", 1, ""),
    ],
)
def test_another_batch_or_model_than_the_traces_is_said(analysed, model, batch, says):
    yardstick = from_facts(model, "h200", 1, "bf16", "bf16", 1200, batch)
    (run,) = analysed(EAGER, yardstick=yardstick)
    found = [one for one in run.findings if one.id == "other-workload"]
    assert [one.severity for one in found] == ([Severity.WARNING] if says else [])
    assert all(says in one.evidence for one in found)


def test_a_card_that_is_too_slow_for_the_times_is_found(analysed):
    """The trace is of an H200: an A770 cannot have read those weights."""
    yardstick = from_facts("qwq-32b", "arc-a770", 1, "bf16", "bf16", 1200, 1)
    (run,) = analysed(COMPILED, yardstick=yardstick)
    assert not run.valid
    evidence = [one.evidence for one in run.findings if one.id == "below-floor"]
    assert any(one.startswith("The kernels take 1.593 ms in all") for one in evidence)
    assert any(one.startswith("lm_head takes 0.369 ms") for one in evidence)


def test_two_summaries_of_unitrace(analysed):
    for name, total_ns, products in (
        ("unitrace_gemm_fp16_bytes.1799860.txt", 22017040, 4731360 + 4503360),
        ("unitrace_gemm_fp16_flops.1799853.txt", 22005440, 4706560 + 4491360),
    ):
        file = TRACES.parents[1] / "pti-gpu" / name
        (run,) = analysed(file)
        assert run.format == "unitrace, summary" and run.per == "file" and run.stack is None
        assert run.busy_ms == pytest.approx(total_ns / 1e6, rel=1e-9)
        times = {row.role: row.ms for row in run.roles}
        assert times[Role.GEMM] == pytest.approx(products / 1e6, rel=1e-9)
        assert [
            one.name for row in run.roles if row.role == Role.UNKNOWN for one in row.kernels
        ] == ["binary_test 1x1x1/4x2x1"]
    (run,) = analysed(TRACES.parents[1] / "pti-gpu" / "unitrace_gemm_fp16_bytes.1799860.txt")
    (known,) = [one for row in run.roles for one in row.kernels if one.name.startswith("binary")]
    assert known.read_bytes == 5248
