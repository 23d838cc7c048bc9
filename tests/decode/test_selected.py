"""A step is fused once, and what was chosen then is what is checked, built and timed."""

import pytest

from truetpot.decode.engine import DecodeStep
from truetpot.decode.preference import Preference
from truetpot.decode.selected import select_step
from truetpot.decode.weights import SyntheticWeights
from truetpot.errors import UserError
from truetpot.facts.workload import Workload
from truetpot.ops.registry import REGISTRY, Kernel, Registry, register
from truetpot.ops.silu_mul import SILU_MUL
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")
SHAPE = Workload(context=20, format="fp32", kv_format="fp32", dtype="fp32", batch=2, tp=1)


@pytest.fixture
def planted():
    """Registers silu_mul kernels that are gone after the test."""
    REGISTRY.load_builtin()
    REGISTRY.kernels("silu_mul")
    before = {key: list(found) for key, found in REGISTRY._kernels.items()}
    yield lambda provider, **members: register(SILU_MUL, provider=provider, devices=("cpu",))(
        type("Planted", (Kernel,), {"__call__": lambda self, *, gate_up: gate_up} | members)
    )
    REGISTRY._kernels.clear()
    REGISTRY._kernels.update(before)


def test_what_is_built_is_what_was_chosen(tiny, monkeypatch):
    asked = []
    choose = Registry.choose

    def noted(self, op, case, device, *providers):
        asked.append((op, case))
        return choose(self, op, case, device, *providers)

    monkeypatch.setattr(Registry, "choose", noted)
    step = select_step(tiny, SHAPE, Preference(["numba", "torch"], CPU))
    assert len(asked) == len(set(asked)) > 0, "each case once"
    asked.clear()
    built = DecodeStep(step, SyntheticWeights(tiny, SHAPE))
    assert built.program is step.program
    assert all(type(one.kernel) is step.kernel(one.call) for one in built.bound)
    assert asked == []


def test_a_kernel_that_raises_is_named_and_the_next_one_serves(tiny, planted):
    def refuses(cls, case, device):
        raise RuntimeError("no idea")

    planted("broken", refuses=classmethod(refuses))
    step = select_step(tiny, SHAPE, Preference(["broken", "torch"], CPU))
    (call,) = {call.case: call for call in step.program.calls if call.op is SILU_MUL}.values()
    assert step.kernel(call).provider == "torch"
    assert list(step.faults.values()) == ["refuses: RuntimeError: no idea"]
    assert list(step.faults) == [f"broken silu_mul ({call.case.label()})"]


def test_a_step_that_nobody_runs_says_everybodys_reason(tiny, planted):
    planted("first", refuses=classmethod(lambda cls, case, device: "too small"))
    planted("second", refuses=classmethod(lambda cls, case, device: "too large"))
    preference = Preference(["first", "second"], CPU)
    case = next(iter(SILU_MUL.grid()))
    found = preference.choose(SILU_MUL, case)
    assert found.kernel is None
    assert {name: one.reason for name, one in found.refusals.items()} == {
        "first": "too small", "second": "too large",
    }  # fmt: skip
    assert preference.rank(SILU_MUL, case) is None
    with pytest.raises(UserError, match="first has no embedding kernel; second has no embedding"):
        select_step(tiny, SHAPE, preference)
