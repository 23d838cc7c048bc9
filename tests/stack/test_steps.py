"""Steps: marked, periodic, irregular, with prompts between them."""

import numpy as np
import pytest

from tests.stack import made
from truetpot.records.stack import PlacedBy, Role, StepPhase
from truetpot.stack.sequence import exact_period, longest_repeat, regular_positions
from truetpot.stack.yardstick import from_facts

LAYER, LAYERS = 20, 64
ONE = np.concatenate([[50, 51], np.tile(np.arange(LAYER), LAYERS), [60, 61, 62]])


def test_the_period_is_the_steps_and_never_the_layers():
    run = exact_period(np.tile(ONE, 5))
    assert (run.first, run.period) == (0, len(ONE))
    part = np.tile(ONE, 6)[700:-300]
    assert exact_period(part).period == len(ONE)


def test_one_step_alone_is_not_cut_into_layers(analysed, write):
    trace = made.Xpu()
    trace.step([*made.HEAD, *made.LAYER * 40, *made.TAIL])
    (run,) = analysed(write(trace.file()))
    assert run.steps == [] and run.per == "file"
    (found,) = [one for one in run.findings if one.id == "no-steps"]
    assert "a layer and no step" in found.evidence
    calls = {row.role: row.calls for row in run.roles}
    assert calls[Role.GATE_UP] == 40 and calls[Role.LM_HEAD] == 1


def noisy(steps=20):
    """Steps between which come a few kernels more or less."""
    draw = np.random.default_rng(0)
    return np.concatenate(
        [np.concatenate([ONE, draw.integers(100, 103, draw.integers(0, 4))]) for _ in range(steps)]
    )


@pytest.mark.parametrize("known", [[], [61]], ids=["by distance", "by name"])
def test_steps_of_uneven_length_by_a_kernel_at_even_distances(known):
    names = noisy()
    assert exact_period(names) is None
    positions = regular_positions(names, np.array(known))
    assert len(positions) == 20
    assert set(names[positions]) <= {50, 51, 60, 61, 62}


def test_a_sampler_by_name_wins_over_what_comes_each_sixteenth_step():
    names = np.concatenate([np.append(ONE, [70, 71]) if i % 4 == 3 else ONE for i in range(40)])
    names = np.concatenate([names, [99]])
    assert len(regular_positions(names, np.array([60]))) == 40


def test_the_longest_repeat():
    draw = np.random.default_rng(1)
    parts = [draw.integers(1000, 9000, 37), ONE, draw.integers(1000, 9000, 11), ONE, [7]]
    positions = longest_repeat(np.concatenate(parts))
    assert list(np.diff(positions)) == [len(ONE) + 11]
    assert longest_repeat(np.arange(100)) is None


@pytest.mark.parametrize(("given", "per"), [(None, "step"), (1.6, "token")])
def test_marks_of_vllm_are_query_tokens(given, per, analysed, write):
    """Eight sequences with 2.5 scheduled tokens each, drafts among them, after a prompt of 512.

    How many of them a step yields the marks do not tell: a step's times stand until --tokens does.
    """
    trace = made.Xpu()
    trace.step(scale=4.0, mark="execute_context_1(512)_generation_0(0)")
    for _ in range(5):
        trace.step(mark="execute_context_0(0)_generation_8(20)")
    (run,) = analysed(write(trace.file()), tokens=given)
    phases = [step.phase for step in run.steps]
    assert phases == [StepPhase.PREFILL, *[StepPhase.DECODE] * 5]
    assert (run.steps_by, run.batch, run.per) == ("annotation", 8, per)
    assert ("2.5 query tokens" in run.tokens_from) is (given is None)
    assert (run.prefill_steps, run.decode_steps, run.other_steps) == (1, 5, 0)
    period = made.BUSY_US + made.PAUSE_US * len(made.STEP)
    assert run.stack.ms_per_token * 1e3 == pytest.approx(period / (given or 1))
    assert run.busy_ms * 1e3 == pytest.approx(made.BUSY_US / (given or 1))


def test_a_prompt_before_the_steps_is_not_one_of_them(analysed, write):
    trace = made.Xpu()
    trace.step([(f"prefill_{name}", 10 * duration) for name, duration in made.STEP])
    for _ in range(6):
        trace.step()
    (run,) = analysed(write(trace.file()))
    assert [step.phase for step in run.steps] == [StepPhase.OTHER, *[StepPhase.DECODE] * 6]
    assert run.used_steps == 5


def test_kernels_of_prompts_alone(analysed, write):
    """Of vllm-xpu-kernels: XeFMHAFwdKernel computes a prompt, the one with split K decodes."""
    prompt = [(n.replace("FwdSplitKVKernel", "FwdKernel"), d) for n, d in made.STEP]
    trace = made.Xpu()
    for i in range(7):
        trace.step(prompt if i == 3 else made.STEP, mark=f"ProfilerStep#{i}")
    (run,) = analysed(write(trace.file()))
    phases = [step.phase for step in run.steps]
    assert phases.count(StepPhase.PREFILL) == 1 and phases[3] == StepPhase.PREFILL


def test_a_step_of_the_profilers_that_has_several_of_the_model(analysed, write):
    trace = made.Xpu()
    for i in range(2):
        began = trace.now
        for _ in range(4):
            trace.step()
        trace.event("gpu_user_annotation", f"ProfilerStep#{i}", began, trace.now - began)
    (run,) = analysed(write(trace.file()))
    assert run.steps_by == "period" and run.decode_steps == 8


def test_tokens_as_given(analysed, write):
    (run,) = analysed(write(made.xpu().file()), tokens=2.0)
    assert run.busy_ms * 1e3 == pytest.approx(made.BUSY_US / 2)
    assert run.tokens_from == "given"


def test_products_without_names_of_their_own_by_time(analysed, write):
    """gemm_kernel without attention around it: what each takes, beside what its bytes take."""
    yardstick = from_facts("qwq-32b", "arc-pro-b60", 1, "fp8_e4m3", "fp16", 1024, 1)
    card = yardstick.hardware
    sizes = {"gate_up": 55296 * 5120, "down": 27648 * 5120, "lm_head": 152064 * 5120}
    times = {role: card.read_ms(nbytes) * 1e3 * 1.05 for role, nbytes in sizes.items()}
    rows = ["Kernel, Calls, Time (ns), Time (%), Average (ns), Min (ns), Max (ns)"]
    rows += [
        f"gemm_kernel[SIMD16 {{{i}; 1; 1}} {{16; 4; 1}}], 4, {round(us * 4e3)}, 1, 1, 1, 1"
        for i, us in enumerate(times.values(), 1)
    ]
    (run,) = analysed(write("\n".join(rows), "a.csv"), yardstick=yardstick)
    found = {row.role: (row.by, row.ms) for row in run.roles}
    assert found == {
        Role(role): (PlacedBy.TIME, pytest.approx(us * 4e-3)) for role, us in times.items()
    }


def test_several_devices_of_one_file_are_a_run_each(analysed, write):
    trace = made.xpu()
    second = [dict(one, args=dict(one["args"], device=1)) for one in trace.events]
    file = trace.file()
    file["traceEvents"] = trace.events + [one for one in second if one["cat"] == "kernel"]
    runs = analysed(write(file))
    assert [run.device for run in runs] == ["Intel(R) Arc(TM) Pro B60 Graphics", "1"]
    assert runs[0].busy_ms == pytest.approx(runs[1].busy_ms)


@pytest.mark.parametrize("unknown", [0, 3], ids=["all launches known", "some are not"])
def test_marks_on_the_host_by_the_launches(analysed, write, unknown):
    """The host runs ahead: its range of a step ends before the device begins it."""
    trace = made.Xpu()
    for i in range(5):
        began = trace.now
        trace.step()
        # kernels are submitted 500 us before their start
        trace.event("user_annotation", f"ProfilerStep#{i}", began - 499.5, trace.now - began)
    calls = [one for one in trace.events if one["cat"] == "xpu_runtime"]
    for one in calls[10 : 10 + unknown]:
        trace.events.remove(one)
    (run,) = analysed(write(trace.file()))
    assert run.steps_by == "annotation" and len(run.steps) == 5
    assert {step.kernels for step in run.steps} == {len(made.STEP)}
