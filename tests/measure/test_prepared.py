"""One case is prepared once, whoever runs it, and is gone when it is done."""

import gc
import weakref

import numpy as np
import pytest

from tests.measure.misbehaving import CASE, RULE, registered, silu_mul
from truetpot.measure.kernels import Contender, measure_kernels
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import LINEAR, SILU_MUL, LinearCase, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.runtime.cpu import CpuDevice
from truetpot.tune.bench import Bench

CPU = choose_device("cpu")


@pytest.fixture
def asked(monkeypatch):
    """How often an operator was asked for inputs, and for a reference."""
    counts = {"inputs": 0, "reference": 0}
    REGISTRY.load_builtin()
    for op in (SILU_MUL, LINEAR):
        REGISTRY.kernels(op.name)  # registering asks too

    def counted(op, name):
        original = getattr(type(op), name)

        def call(self, *args):
            counts[name] += 1
            return original(self, *args)

        monkeypatch.setattr(type(op), name, call)

    for op in (SILU_MUL, LINEAR):
        for name in counts:
            counted(op, name)
    return counts


def test_one_reference_for_all_providers(asked):
    """Checked, timed and checked again: values for the check, others for the timing."""
    seen = []

    def call(self, *, gate_up):
        seen.append(gate_up.clone())
        return silu_mul(gate_up)

    with registered(__call__=call):
        asked.update(inputs=0, reference=0)
        providers = ("planted", "torch", "numba", Contender("numba", "default"))
        results, _ = measure_kernels(SILU_MUL, CASE, providers, CPU, None, RULE)
    assert [one.status for one in results] == ["ok"] * 4
    assert asked == {"inputs": 2, "reference": 1}
    own = PreparedCase(SILU_MUL, CASE, CPU)
    checked, timed = own.inputs["gate_up"], own.timed["gate_up"]
    assert np.array_equal(seen[0].numpy(), checked)
    assert any(np.array_equal(one.numpy(), timed) for one in seen)


def test_another_seed_has_other_inputs():
    one, same, other = (PreparedCase(SILU_MUL, CASE, CPU, seed) for seed in (7, 7, 8))
    assert np.array_equal(one.inputs["gate_up"], same.inputs["gate_up"])
    assert not np.array_equal(one.inputs["gate_up"], other.inputs["gate_up"])


def test_what_is_only_called_costs_no_reference(asked):
    prepared = PreparedCase(SILU_MUL, CASE, CPU)
    kernel = REGISTRY.build("silu_mul", "torch", CASE, CPU)
    assert len(prepared.copies(kernel, 3)) == 3
    assert asked["reference"] == 0


def test_every_configuration_of_a_search_has_the_same_case(asked, monkeypatch):
    monkeypatch.setattr("truetpot.measure.rotation.ROTATED_BYTES", 1 << 20)
    monkeypatch.setattr("truetpot.measure.rotation.MOST_COPIES", 4)
    case = LinearCase("fp32", 1, 32, 64, "fp32")
    kernel = REGISTRY.choose("linear", case, CPU, "numba").required
    default, *others = kernel.configs(case, CPU)
    bench = Bench(PreparedCase(LINEAR, case, CPU), kernel, dict(default))
    for config in others[:3]:
        bench.enter(dict(config))
    assert asked == {"inputs": 2, "reference": 1}


def test_nothing_of_a_case_outlives_its_race(monkeypatch):
    """Neither its inputs on the host nor a copy on the device."""
    made, case = [], SiluMulCase("fp32", 2, 4096)
    upload, prepare = CpuDevice.upload, PreparedCase.__init__

    def noted(device, array):
        made.append(weakref.ref(out := upload(device, array)))
        return out

    def new(self, *args, **kwargs):
        made.append(weakref.ref(self))
        prepare(self, *args, **kwargs)

    monkeypatch.setattr(CpuDevice, "upload", noted)
    monkeypatch.setattr(PreparedCase, "__init__", new)
    results, _ = measure_kernels(SILU_MUL, case, ("torch", "numba"), CPU, None, RULE)
    assert [one.status for one in results] == ["ok", "ok"]
    gc.collect()
    assert len(made) > 16
    assert [one for one in made if one() is not None] == []


def test_another_process_takes_what_was_made(asked, tmp_path):
    case = LinearCase("bf16", 2, 64, 256, "sym_int4")
    made = PreparedCase(LINEAR, case, CPU)
    made.hand_over(tmp_path / "values")
    asked.update(inputs=0, reference=0)
    taken = PreparedCase(LINEAR, case, CPU)
    taken.take_over(tmp_path / "values")
    assert np.array_equal(taken.reference["out"], made.reference["out"])
    assert np.array_equal(taken.timed["x"], made.timed["x"])
    assert np.array_equal(taken.inputs["weight"].codes, made.inputs["weight"].codes)
    assert taken.timed["weight"] is taken.inputs["weight"]
    assert asked == {"inputs": 0, "reference": 0}
