"""``truetpot doctor`` from its command line, on this machine and on one that is made."""

import subprocess
import sys

import pytest

from truetpot.doctor.machine import look


@pytest.fixture
def quickly(monkeypatch):
    """What is checked here is not the kernels; their compilation would take most of the time."""
    monkeypatch.setattr("truetpot.runs.checks.wrong_kernels", lambda *args: [])


def test_a_record_of_this_machine(cli, quickly):
    done = cli("doctor", "--device", "cpu", "--seconds", "0.4", "--json")
    record = done.record
    assert record["kind"] == "doctor"
    assert record["check"]["read_gb_s"] > 0
    assert record["device"]["identity"]["kind"] == "cpu"
    assert {"numba", "torch"} <= {row["provider"] for row in record["providers"]}
    bad = [finding for finding in record["findings"] if finding["level"] == "bad"]
    assert (record["verdict"] == "bad") == bool(bad) == (done.code == 1)
    assert record["host"]["kernel"]


def test_a_fault_ends_with_one_and_says_what_to_do(cli, monkeypatch, tmp_path):
    device = tmp_path / "sys/devices/pci0000:00/0000:00:05.0"
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    device.mkdir(parents=True)
    for name, value in (("vendor", "0x8086"), ("device", "0x56a0"), ("class", "0x030000")):
        (device / name).write_text(value + "\n")
    (tmp_path / "sys/bus/pci/devices/0000:00:05.0").symlink_to(device)
    monkeypatch.setattr("truetpot.runs.doctor.look", lambda: look(tmp_path, {}))
    done = cli("doctor", "--no-check")
    assert done.code == 1
    assert "cannot be trusted" in done.out
    assert "Intel Arc A770 16GB, 0000:00:05.0) has no kernel driver" in " ".join(done.out.split())
    assert "-> load i915" in done.out


def test_variables_are_listed(cli):
    done = cli("doctor", "--no-check", "--variables")
    assert "SYCL_PI_LEVEL_ZERO_USE_IMMEDIATE_COMMANDLISTS" in done.out


def test_a_device_that_is_not_there(cli):
    done = cli("doctor", "--device", "xpu:9")
    assert done.code == 2
    assert "xpu:9 is not on this machine" in done.sentence


def test_looking_loads_no_torch():
    code = (
        "import sys\n"
        "from truetpot.cli import main\n"
        "try: main(['doctor', '--no-check'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'numba', 'pyopencl') if m in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
