"""Kernels side by side, one of them alone, and what there is to tune."""

import pytest

from tests.runs.conftest import SHAPE
from truetpot.decode.selected import select_step
from truetpot.errors import UserError
from truetpot.ops.registry import REGISTRY
from truetpot.records.words import KernelStatus
from truetpot.runs import checks, kernels, launch, tune, tune_list, tune_search
from truetpot.runs.contenders import contenders, one_provider

PARTS = """
import torch
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="parts", devices=("cpu",))
class Parts(Kernel):
    @classmethod
    def configs(cls, case, device):
        return tuple({"parts": parts} for parts in (64, 1))

    def __call__(self, *, gate_up):
        out = [
            (gate.float().sigmoid() * gate.float() * up.float()).to(gate_up.dtype)
            for gate, up in zip(
                *(half.chunk(self.config["parts"], dim=1) for half in gate_up.chunk(2, dim=1))
            )
        ]
        return torch.cat(out, dim=1)
"""


@pytest.fixture
def parts(tmp_path):
    """A folder with a kernel that has launch parameters."""
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "parts.py").write_text(PARTS)
    return tmp_path / "kernels"


class Heard(kernels.KernelsWatch):
    def __init__(self):
        self.ceilings, self.firsts = [], []

    def found(self, ceiling):
        self.ceilings.append(ceiling.provider)

    def case(self, rows, first):
        self.firsts.append(first)


def test_every_case_is_told_and_recorded(cases, capfd):
    heard = Heard()
    ended = kernels.run(cases("linear"), watch=heard)
    assert ended.valid and {row.status for row in ended.record.results} == {KernelStatus.OK}
    assert heard.firsts == [True] + [False] * (len(ended.record.results) - 1)
    assert len(heard.ceilings) == 1
    assert capfd.readouterr() == ("", "")


def test_nothing_that_could_be_measured_is_the_cause(cases, monkeypatch):
    (torch_kernel,) = REGISTRY.kernels("argmax", "torch")
    monkeypatch.setattr(torch_kernel, "refuses", classmethod(lambda cls, case, device: "not here"))
    ended = kernels.run(cases("argmax"))
    assert "Nothing could be measured" in str(ended.cause)
    assert [row.status for row in ended.record.results] == [KernelStatus.SKIPPED]


def test_checks_name_a_wrong_kernel(cases, setting, monkeypatch):
    request = cases("linear")
    step = select_step(request.model, SHAPE, setting.preference)
    assert checks.wrong_kernels(step, lambda *of: None) == []
    (argmax,) = REGISTRY.kernels("argmax", "torch")
    monkeypatch.setattr(argmax, "__call__", lambda self, *, logits: logits[:, :3].argmax(dim=1))
    (wrong,) = checks.wrong_kernels(step, lambda *of: None)
    assert wrong.startswith("torch argmax")


def test_one_kernel_and_nothing_else(cases):
    record = launch.run(cases("rope_append"), "tuned", 3)
    assert (record.op, record.provider, record.calls) == ("rope_append", "torch", 3)
    with pytest.raises(UserError, match="name one --format and one --role"):
        launch.run(cases("linear"), "tuned", 1)


def test_who_races_by_configuration(cases, setting):
    some = cases("linear").cases()
    assert one_provider(("torch",), some, setting.device, named=False) == "torch"
    with pytest.raises(UserError, match="name one --provider"):
        one_provider(("torch", "numba"), some, setting.device, named=True)
    (entry,) = contenders(["default"], "torch", some, setting.device)
    assert (entry.provider, entry.config) == ("torch", "default")


def how(folder, **more):
    about = {
        "strategy": "all", "budget": None, "transfer": None, "limit_s": 60.0, "folder": folder,
        "again": False, "step": False, "export": None, "jobs": 0,
    }  # fmt: skip
    return tune_search.How(**about | more)


def test_what_there_is_to_tune(cases, parts, monkeypatch):
    (row,) = tune_list.tunable(cases("silu_mul"))
    assert (row.provider, row.count) == ("torch", "0")


def test_a_search(model, parts, tmp_path, monkeypatch, cases):
    from dataclasses import replace

    from truetpot.runs.setting import find_setting
    from truetpot.stats import Ratio
    from truetpot.tune import fresh

    def here(orders, limit_s, at_once):
        return (Ratio(*fresh._answer(order).gain) for order in orders)

    monkeypatch.setattr(tune_search, "in_new_processes", here)
    setting = find_setting("cpu", ["parts"], parts)
    request = replace(cases("silu_mul"), setting=setting, seconds=0.3)
    file = tmp_path / "tuned.toml"
    ended = tune.run(request, file, how(parts))
    assert ended.cause is None and not ended.interrupted
    (row,) = ended.record.results
    assert row.best.config == {"parts": 1}
    assert ended.saved and "parts = 1" in file.read_text()
    (result,) = ended.results
    assert result.found.best.config == {"parts": 1}


def test_nothing_to_tune(cases, tmp_path):
    with pytest.raises(UserError, match="Nothing can be tuned"):
        tune.run(cases("silu_mul"), tmp_path / "tuned.toml", how(None))
