"""The benchmark classes by themselves: what asv would find, and that nothing is left out."""

import inspect
import pkgutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from asv_runner.discovery import disc_benchmarks

import benchmarks
from benchmarks import common, decode_step, floor, linear, offered, older
from benchmarks.size import SIZES, chosen
from truetpot.decode.program import decode_program
from truetpot.errors import UserError
from truetpot.facts.hardware import all_hardware
from truetpot.facts.models import load_model
from truetpot.ops import LINEAR

MODULES = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.ispkg]


def found():
    root = str(Path(benchmarks.__path__[0]))
    return list(disc_benchmarks(root))


def test_every_file_has_benchmarks_and_helpers_are_none():
    names = [benchmark.name for benchmark in found()]
    helpers = {"__main__", "commit", "common", "offered", "older", "older_selection", "size"}
    assert {name.split(".")[0] for name in names} == set(MODULES) - helpers
    assert [name for name in names if not name.split(".")[-1].startswith("track_")] == []


def test_every_benchmark_is_a_versioned_time():
    for benchmark in found():
        assert len(benchmark.version) < 5, f"{benchmark.name}: a version of our own, not a hash"
        assert benchmark.unit == "seconds", "asv takes lower for better"
        assert benchmark.timeout >= 60
        assert len(benchmark.param_names) == len(benchmark.params)
        if not benchmark.name.startswith("floor."):
            assert benchmark.rounds == common.ROUNDS
            assert benchmark.param_names[0] == "device"


@pytest.mark.parametrize("size", SIZES.values())
def test_linear_takes_every_projection_of_the_step(size):
    shape = common.shape("cpu", size.formats[0], size.contexts[0])
    program = decode_program(load_model(size.model), shape)
    roles = dict.fromkeys(call.role for call in program.calls if call.op is LINEAR)
    assert list(roles) == linear.ROLES


def test_parameters_do_not_depend_on_what_is_installed(monkeypatch):
    """An older commit may lack a provider: it must not move the others' places."""
    monkeypatch.setattr(common, "DEVICE", "cpu")
    here = common.providers("linear")
    monkeypatch.setattr(common.REGISTRY, "_kernels", {})
    assert common.providers("linear") == here
    assert {"torch", "numba"} <= set(here)
    assert floor.Floor.params[0] == list(all_hardware())[: common.SIZE.cards]


def test_a_kernel_file_is_all_it_takes(monkeypatch, tmp_path):
    (tmp_path / "kernels" / "linear").mkdir(parents=True)
    for name in ("mine", "_helper"):
        (tmp_path / "kernels" / "linear" / f"{name}.py").touch()
    own = tmp_path / "kernels"
    assert offered.built_in("linear", "xpu", own) == {"mine"}
    assert offered.built_in("argmax", "xpu", own) == set()
    assert offered.built_in(None, "cpu", own) == {"mine"}


@pytest.mark.parametrize("kind", ["cpu", "cuda", "xpu", "opencl"])
def test_what_is_read_from_the_files_is_what_registers(kind):
    """Of the kernels that can be imported here; Triton's in its interpreter are for tests."""
    registered = {}
    for kernel in common.REGISTRY.kernels():
        if kernel.__module__.startswith("truetpot.kernels."):
            registered.setdefault((kernel.op.name, kernel.provider), set()).update(kernel.devices)
    assert len(registered) > 20
    for (op, provider), devices in registered.items():
        if provider != "triton" or kind != "cpu":
            fits = offered.runs_on(kind, devices)
            assert (provider in offered.built_in(op, kind)) == fits, (op, provider)


def test_variables_change_the_profile():
    given = {"MODEL": "qwen2.5-0.5b", "BATCH": "1,8", "CONTEXT": "77", "FORMAT": "bf16", "TP": "2"}
    size = chosen({f"TRUETPOT_BENCH_{name}": value for name, value in given.items()})
    assert (size.model, size.layers, size.tp) == ("qwen2.5-0.5b", None, 2)
    assert (size.batches, size.contexts, size.formats) == ((1, 8), (77,), ("bf16",))
    assert chosen({"TRUETPOT_BENCH": "serving"}).batches == (8, 32)
    assert chosen({"TRUETPOT_BENCH_LAYERS": "8"}).layers == 8


@pytest.mark.parametrize("wrong", [{"TRUETPOT_BENCH": "huge"}, {"TRUETPOT_BENCH_BATCH": "1,x"}])
def test_a_wrong_variable_is_one_sentence(wrong):
    with pytest.raises(UserError, match=f"{next(iter(wrong))}=.*"):
        chosen(wrong)


def test_older_packages_have_one_query_token_in_a_step(monkeypatch):
    monkeypatch.setattr(older, "_OLD", SimpleNamespace)
    monkeypatch.setattr(older, "VERIFIES", False)
    step = common.shape("cpu", "sym_int4", 128, 8)
    assert (step.context, step.weight_format, step.batch) == (128, "sym_int4", 8)
    assert not hasattr(step, "query_tokens")
    with pytest.raises(common.SkipNotImplemented, match="one query token"):
        common.shape("cpu", "sym_int4", 128, query_tokens=4)
    assert older.launched(object()) == ""


def test_a_step_of_an_older_package_is_bound_by_its_bytes(monkeypatch):
    monkeypatch.setattr(older, "_OLD", SimpleNamespace)
    card = all_hardware()["h200"]
    traffic = SimpleNamespace(bound=48_060_000_000)
    for there, least in ({}, 1e-2), ({"step_least_s": lambda *given: 0.5}, 0.5):
        name = "truetpot.decode.traffic"
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**there))
        found = older.least_s(traffic, None, card, 60_000_000)
        assert found == pytest.approx(least)


def test_a_device_that_is_absent_is_skipped(capsys):
    with pytest.raises(common.SkipNotImplemented):
        linear.Linear().track_device_time("xpu:7", "torch", "bf16", "qkv", 1)
    assert "xpu:7 is not on this machine" in capsys.readouterr().err


def test_a_share_that_does_not_fit_is_skipped(capsys, monkeypatch):
    monkeypatch.setattr("truetpot.runtime.cpu.CpuDevice.free_bytes", lambda self: 12 << 30)
    monkeypatch.setattr(common, "SIZE", SIZES["default"])
    with pytest.raises(common.SkipNotImplemented):
        decode_step.DecodeStep().track_device_time("cpu", "torch", "sym_int4", "", 1, 1)
    assert "tp = 1 does not fit, give TRUETPOT_BENCH_TP" in capsys.readouterr().err


def test_a_cpu_has_no_wall_time_beside(monkeypatch):
    assert common.DEVICE != "cpu" or not hasattr(decode_step.DecodeStep, "track_wall_time")


def test_a_model_that_does_not_fit_is_skipped(capsys, monkeypatch):
    monkeypatch.setattr("truetpot.runtime.cpu.CpuDevice.free_bytes", lambda self: 3 << 30)
    monkeypatch.setattr(common, "SIZE", SIZES["default"])
    with pytest.raises(common.SkipNotImplemented):
        decode_step.DecodeStep().track_device_time("cpu", "torch", "sym_int4", "", 1, 1)
    assert "3.0 GiB are free" in capsys.readouterr().err


def test_asv_check_passes(clone):
    clone.commit("first")
    done = clone.asv("check", "-E", f"existing:{sys.executable}")
    assert done.code == 0, done.said
    assert "No problems found" in done.said


def test_signatures_match_the_parameters():
    for benchmark in found():
        names = list(inspect.signature(benchmark.func).parameters)
        assert names == list(benchmark.param_names)
