"""`python -m benchmarks`: what it asks of asv, and what it stores of a machine."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from benchmarks import offered
from benchmarks.__main__ import main, pattern
from benchmarks.daily import machine
from tests.benchmarks.test_suite import found
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("operators", "files"),
    [
        (["linear"], {"linear"}),
        (["rms_norm", "decode_attention"], {"small_ops", "decode_attention"}),
        (["collectives"], {"collectives"}),
    ],
)
def test_an_operator_chooses_its_benchmarks(operators, files):
    chosen = re.compile(pattern(operators, "numba"))
    names = [f"{each.name}('cpu', 'numba', 1)" for each in found()]
    assert {name.partition(".")[0] for name in names if chosen.search(name)} == files
    assert not any(chosen.search(name.replace("numba", "torch")) for name in names)
    assert pattern([], None) is None
    assert re.search(pattern([], "numba"), names[0])


def test_versions_are_kept_and_what_a_user_added_stays(tmp_path):
    path = tmp_path / "machine.json"
    entry = machine.describe("cpu", path=path)
    assert entry["torch"] == metadata.version("torch")
    stored = json.loads(path.read_text())
    stored[entry["machine"]]["room"] = "cold"
    stored[entry["machine"]]["torch"] = "1.0"
    path.write_text(json.dumps(stored))
    again = machine.describe("cpu", path=path)
    assert (again["room"], again["torch"]) == ("cold", entry["torch"])
    assert "gpu" not in again


def test_versions_of_environments_that_asv_builds_are_the_pinned_ones():
    text = (ROOT / "constraints.txt").read_text()
    built = machine.versions(ROOT / "constraints.txt")
    assert f"\ntorch=={built['torch']}" in text
    assert built["numba"]


def test_a_card_has_its_name_and_driver(monkeypatch):
    class Card:
        kind = "xpu"

        def identity(self):
            return {"name": "Intel(R) Arc(TM) A770", "driver": "1.6.33578", "uuid": None}

    monkeypatch.setattr(machine, "choose_device", lambda name: Card())
    assert machine.card("xpu") == {"gpu": "Intel(R) Arc(TM) A770", "gpu_driver": "1.6.33578"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "no-such-commit"], "git knows no commit no-such-commit"),
        (["gate", "--here", "HEAD"], "check each out and run"),
        (["gate", "--op", "linaer"], "'linaer' (did you mean linear"),
        (["once", "nope"], "no operator or file of benchmarks 'nope'; known are add"),
        (["run", "linear", "--provider", "nobody"], "no provider 'nobody'; known are auto_round"),
        (["publish", "--port", "80"], "--port is where --serve puts the pages"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments, words, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "once", "gate"])
def test_a_wrong_variable_is_told_before_asv_is_started(command, capsys, monkeypatch):
    monkeypatch.setenv("TRUETPOT_BENCH", "tiny")
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: pytest.fail("started"))
    assert main([command]) == 2
    assert "There is no TRUETPOT_BENCH=tiny; known are small" in capsys.readouterr().err


def test_what_is_absent_has_no_kernel_here():
    """It is said before torch is imported, and is never said of what would run."""
    here = choose_device("cpu")
    said = {
        (kernel.op.name, kernel.provider): REGISTRY.choose(
            kernel.op.name, next(iter(kernel.op.grid())), here, kernel.provider
        )
        for kernel in REGISTRY.kernels()
        if kernel.__module__.startswith("truetpot.kernels.")
        and offered.runs_on("cpu", kernel.devices)
        and offered.absent(kernel.op.name, kernel.provider)
    }
    assert {key: found for key, found in said.items() if found.kernel is not None} == {}
    installed = map(offered.find_spec, ("ipex_llm", "auto_round_kernel"))
    assert said or all(installed)


def test_a_provider_without_its_package_is_skipped_before_torch_is_imported():
    code = """
import sys
from benchmarks import common, linear
if common.find_spec("auto_round_kernel"):
    sys.exit("there")
try:
    linear.Linear().track_device_time(common.DEVICE, "auto_round", "bf16", "down", 1)
except common.SkipNotImplemented as error:
    print(error, "torch" in sys.modules)
"""
    variables = {"TRUETPOT_BENCH": "small", "TRUETPOT_BENCH_DEVICE": "cpu"}
    env = {**os.environ, **variables}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if "there" in done.stderr:
        pytest.skip("auto_round_kernel is installed")
    assert done.stdout == "auto_round: auto_round_kernel is not installed False\n", done.stderr


def test_an_environment_that_asv_builds_has_no_asv():
    """Only asv_runner, which imports every file that is here."""
    code = """
import sys
sys.modules["asv"] = None
from asv_runner.discovery import disc_benchmarks
sys.path.insert(0, ".")
assert len(list(disc_benchmarks("benchmarks"))) > 10
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_machine_without_device_nodes_has_no_card(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert offered.without_card(tmp_path)
    (tmp_path / "dri").mkdir()
    assert offered.without_card(tmp_path)
    (tmp_path / "dri" / "renderD128").touch()
    assert not offered.without_card(tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    assert not offered.without_card(tmp_path / "none")


@pytest.mark.parametrize(
    ("wanted", "card", "platform", "forked"),
    [
        ("cpu", True, "linux", True),
        ("cpu", False, "darwin", False),
        ("opencl:cpu", False, "linux", False),
        ("xpu", True, "linux", False),
        ("", True, "linux", False),
        ("", False, "linux", True),
    ],
)
def test_benchmarks_are_forked_on_a_cpu_of_linux_alone(monkeypatch, wanted, card, platform, forked):
    monkeypatch.setattr(offered, "without_card", lambda: not card)
    monkeypatch.setattr(sys, "platform", platform)
    assert offered.forkable({"TRUETPOT_BENCH_DEVICE": wanted}) is forked


@pytest.mark.skipif(sys.platform != "linux", reason="asv forks nothing there")
def test_what_is_forked_from_has_imported_all_and_has_no_thread_of_a_pool():
    code = """
import os, sys, numpy
before = len(os.listdir("/proc/self/task"))  # numpy brings those of its BLAS, which survive a fork
sys.argv.append("run_server")
import benchmarks.common
there = {"torch", "numba", "truetpot.kernels.linear.numba", "truetpot.runtime.cpu"}
print(there - sys.modules.keys(), len(os.listdir("/proc/self/task")) - before)
"""
    env = {**os.environ, "TRUETPOT_BENCH": "small", "TRUETPOT_BENCH_DEVICE": "cpu"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "set() 0\n", done.stderr
