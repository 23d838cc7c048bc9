"""What is added from outside goes through check, timing and a decode step, and needs no other file.

The format and the operator are those of ``examples/``; the device is a kind that no table names.
"""

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.decode.steps import step_of
from tests.decode.test_transformers import quantised_logits
from tests.runtime.refusing import RefusingCard
from truetpot.decode.program import LAYERS
from truetpot.decode.weights import SyntheticWeights
from truetpot.errors import UserError
from truetpot.facts.families import all_families
from truetpot.facts.formats import all_formats
from truetpot.facts.kinds import Kind, all_kinds
from truetpot.facts.models import load_model
from truetpot.facts.providers import all_providers
from truetpot.facts.workload import Workload
from truetpot.formats import codecs, declare, dequantise, random_weight
from truetpot.measure.kernels import measure_kernels
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import COMPOSITES, LINEAR, OPERATORS, registry
from truetpot.ops.registry import REGISTRY
from truetpot.ops.tolerance import relative_error
from truetpot.records.words import KernelStatus
from truetpot.runs import kernels, setting
from truetpot.runtime import accelerator
from truetpot.runtime.choose import choose_device, present
from truetpot.runtime.cpu import CpuDevice
from truetpot.stats import StopRule

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORT = StopRule(seconds=0.02, min_samples=3, warmup_s=0.0)
SHAPE = Workload(context=6, format="fp32", kv_format="fp32", dtype="fp32", batch=2, tp=1)


TABLES = (codecs._CODECS, LAYERS, all_formats(), all_families(), all_kinds())


@pytest.fixture
def added():
    """``added("operator")`` loads a folder of examples; what it brought is gone afterwards."""
    REGISTRY.load_builtin()
    before = [dict(table) for table in TABLES]
    seen, own = {*REGISTRY._seen}, []

    def load(folder):
        there = {*REGISTRY.imported()}
        assert REGISTRY.load_folder(EXAMPLES / folder) == []
        own[:] = [kernel for kernel in REGISTRY.imported() if kernel not in there]
        return own

    yield load
    REGISTRY._seen = seen
    for key, found in [*REGISTRY._kernels.items()]:
        found[:] = [kernel for kernel in found if kernel not in own]
        if not found:
            del REGISTRY._kernels[key]
    for table, kept in zip(TABLES, before, strict=True):
        table.clear()
        table.update(kept)


def checked(kernel, case, device):
    found = PreparedCase(kernel.op, case, device).check(kernel(case, device))
    assert found.ok, found.reason


def timed(op, case, providers, device):
    results, finished = measure_kernels(op, case, providers, device, None, SHORT, rotate=False)
    assert finished
    assert [one.status for one in results] == [KernelStatus.OK] * len(providers)
    assert all(min(one.entrant.device_s) > 0 for one in results)


def made(model, shape, providers, device=None):
    return step_of(model, shape, device or CpuDevice(), providers, SyntheticWeights(model, shape))


def test_an_operator_with_two_kernels_in_a_layer_of_a_family(added, tiny):
    by_torch, by_numba = added("operator")
    op = by_torch.op
    for kernel in (by_torch, by_numba):
        for case in op.grid():
            if kernel.refuses(case, CpuDevice()) is None:
                checked(kernel, case, CpuDevice())
    timed(op, next(case for case in op.grid() if case.dtype == "fp32"), ["torch", "numba"],
          CpuDevice())  # fmt: skip
    llama = all_families()["llama"]
    all_families()["capped"] = replace(llama, name="capped", model_type="capped", layer="capped")
    model = replace(tiny, family="capped")
    tokens = np.random.default_rng(1).integers(0, tiny.vocab, (6, 2))
    logits = {}
    for first, other in (("torch", "numba"), ("numba", "torch")):
        step = made(model, SHAPE, (first, other))
        logits[first] = step.feed(tokens)
        assert step.providers["soft_cap"] == first
        uses = {use.role: use.count for use in step.calls_by_kernel()}
        assert uses["soft_cap"] == model.layers
    assert relative_error(logits["torch"], logits["numba"]) < 1e-4
    plain = made(tiny, SHAPE, "torch").feed(tokens)
    assert relative_error(logits["torch"], plain) > 0.01  # it does something


def test_an_operator_of_no_step_is_raced_on_its_own_grid(added):
    added("operator")
    device = choose_device("cpu")
    own = setting.find_setting("cpu", ("torch", "numba"), None, "fp32", "fp32")
    model = load_model("qwen2.5-0.5b")
    asked = kernels.Request(model, [SHAPE], own, ("soft_cap",), None, None, 0.05, False, True)
    cases = asked.cases()
    grid = [case for case in cases[0].op.grid() if case.dtype == "fp32"]
    assert [one.case for one in cases] == grid
    rows, _ = measure_kernels(cases[0].op, grid[0], ("torch", "numba"), device, None, SHORT)
    assert [row.status for row in rows] == [KernelStatus.OK] * 2


def test_a_weight_format(added, checkpoint):
    (kernel,) = added("weight_format")
    cases = [case for case in LINEAR.grid() if case.weight_format == "int6"]
    for case in cases:
        checked(kernel, case, CpuDevice())
    assert len(cases) == 3
    timed(LINEAR, cases[0], ["int6"], CpuDevice())
    quantised_logits(checkpoint("qwen2"), "int6", "fp32", ("int6", "torch"), 0.01)


def test_random_weights_of_a_format_have_the_deviation_that_was_asked_for(added):
    added("weight_format")
    values = dequantise(random_weight((256, 1024), "int6", np.random.default_rng(0), 0.02))
    assert values.std() == pytest.approx(0.02, rel=0.03)
    assert abs(values.mean()) < 0.001


@pytest.mark.parametrize(
    ("facts", "said"),
    [({"name": "sym_int4"}, "is a format sym_int4 already"), ({"code_bits": 5}, "make them agree")],
)
def test_a_format_that_cannot_be(added, facts, said):
    added("weight_format")
    wrong = replace(all_formats()["int6"], **({"name": "int6b"} | facts))
    with pytest.raises(UserError, match=said):
        declare(wrong, codecs._CODECS["int6"])


class OtherCard(RefusingCard):
    """A card of a kind that torch has and nobody has named here; its arrays are on the CPU."""

    def __init__(self, kind, index):
        super().__init__(())
        self.kind, self.name = kind, f"{kind}:{index}"


@pytest.fixture
def other(added, monkeypatch):
    """``other:0``: an entry of a table, and torch's module for it."""
    api = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 1,
        get_device_properties=lambda _: SimpleNamespace(is_integrated=False),
    )
    monkeypatch.setattr(torch, "other", api, raising=False)
    monkeypatch.setattr(torch, "Event", lambda *args, **given: OtherCard("other", 0).event())
    monkeypatch.setattr(accelerator, "AcceleratorDevice", OtherCard)
    all_kinds()["other"] = Kind("other", dtype="bf16", providers=("torch",), torch=True)


@pytest.mark.usefixtures("other")
def test_a_torch_device(tiny):
    assert "other:0" in present()
    with pytest.raises(UserError, match=r"use auto, cpu, .*other\[:i\]"):
        choose_device("othr")
    device = choose_device("other")
    usual = setting.find_setting("other")
    assert (usual.providers, usual.dtype) == (("torch",), "bf16")
    kernels = [one for one in REGISTRY.kernels(provider="torch") if one.runs_on("other")]
    assert {kernel.op.name for kernel in kernels} == {*OPERATORS} - {op.name for op in COMPOSITES}
    for kernel in kernels:
        if not kernel.op.collective:
            case = next(case for case in kernel.op.grid() if not kernel.refuses(case, device))
            checked(kernel, case, device)
            timed(kernel.op, case, ["torch"], device)
    for weight_format in ("fp32", "sym_int4", "fp8_e5m2", "nf4"):
        shape = replace(SHAPE, format=weight_format)
        tokens = np.random.default_rng(1).integers(0, tiny.vocab, (4, 2))
        there = made(tiny, shape, "torch", device).feed(tokens)
        here = made(tiny, shape, "numba" if weight_format == "sym_int4" else "torch").feed(tokens)
        assert relative_error(there, here) < 1e-4


NEWER = """
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="newer", devices=("cpu",))
class Newer(Kernel):
    def __call__(self, *, gate_up):
        return gate_up
"""


def test_a_provider_of_a_new_name_in_the_tree_is_asked_first(monkeypatch, tmp_path):
    """As a user's own is: nobody has measured yet which place it has."""
    (tmp_path / "newer.py").write_text(NEWER)
    package = importlib.import_module("truetpot.kernels.silu_mul")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    fresh = registry.Registry()
    for module in (registry, setting):
        monkeypatch.setattr(module, "REGISTRY", fresh)
    fresh.load_builtin()
    for kind, first in (("cpu", ("newer",)), ("opencl", ())):
        usual = all_kinds()[kind].providers
        assert setting.in_order(usual, [], kind) == (*first, *usual)
    del sys.modules["truetpot.kernels.silu_mul.newer"], package.newer


def test_providers_with_a_place_are_built_in():
    REGISTRY.load_builtin()
    assert {*all_providers()} <= {*REGISTRY.builtin_providers()}
    assert {name for kind in all_kinds().values() for name in kind.providers} <= {*all_providers()}
