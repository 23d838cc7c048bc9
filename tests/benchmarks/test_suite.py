"""The benchmark classes by themselves: what asv would find, and that nothing is left out."""

import inspect
import pkgutil
import sys
from pathlib import Path

import pytest
from asv_runner.discovery import disc_benchmarks

import benchmarks
from benchmarks import common, decode_step, floor, linear
from truetpot.decode.program import decode_program
from truetpot.facts.hardware import all_hardware
from truetpot.facts.models import load_model
from truetpot.ops import LINEAR

MODULES = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.ispkg]


def found():
    root = str(Path(benchmarks.__path__[0]))
    return list(disc_benchmarks(root))


def test_every_file_has_benchmarks_and_helpers_are_none():
    names = [benchmark.name for benchmark in found()]
    assert {name.split(".")[0] for name in names} == set(MODULES) - {"commit", "common"}
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


@pytest.mark.parametrize("size", common.SIZES.values())
def test_linear_takes_every_projection_of_the_step(size):
    shape = common.shape("cpu", size.formats[0], size.contexts[0])
    program = decode_program(load_model(size.model), shape)
    roles = dict.fromkeys(call.role for call in program.calls if call.op is LINEAR)
    assert list(roles) == linear.ROLES


def test_parameters_do_not_depend_on_what_is_installed(monkeypatch):
    """An older commit may lack a provider: it must not move the others' places."""
    here = common.providers("linear")
    monkeypatch.setattr(common.REGISTRY, "_kernels", {})
    assert common.providers("linear") == here
    assert {"torch", "numba"} <= set(here)
    assert floor.Floor.params[0] == list(all_hardware())


def test_a_kernel_file_is_all_it_takes(monkeypatch, tmp_path):
    (tmp_path / "kernels" / "linear").mkdir(parents=True)
    for name in ("mine", "_helper"):
        (tmp_path / "kernels" / "linear" / f"{name}.py").touch()
    monkeypatch.setattr(common, "__file__", str(tmp_path / "benchmarks" / "common.py"))
    assert common.providers("linear") == ["mine"]
    assert common.providers("argmax") == []
    assert common.providers() == ["mine"]


def test_a_device_that_is_absent_is_skipped(capsys):
    with pytest.raises(common.SkipNotImplemented):
        linear.Linear().track_device_time("xpu:7", "torch", "bf16", "qkv")
    assert "xpu:7 is not on this machine" in capsys.readouterr().err


def test_a_share_that_is_not_the_one_that_fits_is_skipped(capsys, monkeypatch):
    monkeypatch.setattr(common, "SIZE", common.SIZES["small"])
    with pytest.raises(common.SkipNotImplemented):
        decode_step.DecodeStep().track_device_time("cpu", "torch", "sym_int4", "", 2)
    assert "tp = 1 that is measured here" in capsys.readouterr().err
    with pytest.raises(common.SkipNotImplemented):
        decode_step.DecodeStep().track_wall_time("cpu", "torch", "sym_int4", "", 1)


def test_a_model_that_does_not_fit_is_skipped(capsys, monkeypatch):
    monkeypatch.setattr("truetpot.runtime.cpu.CpuDevice.free_bytes", lambda self: 3 << 30)
    monkeypatch.setattr(common, "SIZE", common.SIZES["default"])
    with pytest.raises(common.SkipNotImplemented):
        decode_step.DecodeStep().track_device_time("cpu", "torch", "sym_int4", "", 1)
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
