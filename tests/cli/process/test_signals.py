"""What ends a run from outside leaves what was measured: a signal, two of them, a kill."""

import json
import signal
import subprocess
import sys
import time

import pytest

KERNELS = (
    "kernels", "--small", "--device", "cpu", "--provider", "torch", "--seconds", 2,
    "--op", "silu_mul,rms_norm,argmax",
)  # fmt: skip
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def results(record):
    return [one for one in record.get("results", ()) if one["median_s"]]


HANGUP = pytest.param(signal.SIGHUP, marks=pytest.mark.exhaustive)  # as SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, HANGUP, signal.SIGKILL])
def test_kernels_after_two_cases(start, read, tmp_path, check_kernels, number):
    file = tmp_path / "kernels.json"
    run = start(*KERNELS, "--json", file, quick=True)
    before = run.until(lambda: len(found := results(read(file))) > 1 and found)
    assert read(file)["partial"]
    run.send(number)
    done = run.end()
    assert done.code == CODES.get(number, -number)
    record = read(file)
    check_kernels(record)
    assert record["partial"]
    kept = results(record)
    assert [one["case"] for one in kept[: len(before)]] == [one["case"] for one in before]
    if number in CODES:
        assert "Interrupted: this is what was measured." in done.out
        assert "Traceback" not in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_decode_in_its_timing(start, read, model, tmp_path, check_decode, number):
    file = tmp_path / "decode.json"
    args = ["decode", "--model", model, "--device", "cpu", "--provider", "torch", "--context", 20]
    run = start(*args, "--seconds", 300, "--json", file, quick=True)
    run.until(lambda: (read(file).get("step_timing") or {}).get("rounds"))
    run.send(number)
    done = run.end()
    assert done.code == CODES.get(number, -number)
    record = read(file)
    check_decode(record)
    assert record["partial"]
    assert not record["finished"]
    assert record["interrupted_during"] == "timing"
    assert record["rungs"]["step"]["ms_per_token"] > 0
    if number in CODES:
        assert record["step_timing"]["stop"] == "interrupted"
        assert "Interrupted during timing" in done.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.exhaustive)]
)
def test_two_ranks(start, read, model, tmp_path, check_decode, number):
    file = tmp_path / "decode.json"
    args = ["decode", "--model", model, "--device", "cpu", "--provider", "torch", "--context", 20]
    run = start(*args, "--format", "bf16", "--tp", 2, "--seconds", 300, "--json", file)
    run.until(lambda: (read(file).get("step_timing") or {}).get("rounds"))
    run.send(number)
    done = run.end()
    assert done.code == CODES[number], done.err
    assert "Traceback" not in done.err
    record = read(file)
    check_decode(record)
    assert record["partial"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_takes_nothing_away(start, read, tmp_path, number):
    """As ``timeout`` sends it: to the process, and at once to its group."""
    file = tmp_path / "kernels.json"
    run = start(*KERNELS, "--json", file, quick=True)
    run.until(lambda: results(read(file)))
    run.send(number)
    for _ in range(20):
        if run.popen.poll() is None:
            run.send(number)
        time.sleep(0.01)
    done = run.end()
    assert done.code == CODES[number], done.err
    assert "Traceback" not in done.err
    record = read(file)
    assert record["partial"]
    assert results(record)


def test_an_older_record_stays_before_anything_is_measured(start, tmp_path):
    file = tmp_path / "kernels.json"
    file.write_text("older")
    run = start(*KERNELS, "--json", file)  # the usual ceiling, which takes seconds
    for line in run.popen.stderr:
        if line.startswith("sweeping"):
            break
    run.send(signal.SIGTERM)
    assert run.end().code == 143
    assert file.read_text() == "older"


def test_nohup(start, tmp_path):
    """A signal that was ignored when the run began stays so."""
    run = start(*KERNELS, before=["nohup"], quick=True)
    run.until(lambda: run.popen.stderr.readline().startswith("sweeping"))
    run.send(signal.SIGHUP)
    assert run.end().code == 0


IMPORTING = """
import os, signal, sys
module = sys.argv.pop(1)
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from truetpot.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["typer", "truetpot.facts.floor", "msgspec", "rich.console"])
def test_during_imports(run, module):
    done = run(module, "floor", program=("-c", IMPORTING))
    assert done.code == 130
    assert done.err == ""


def test_a_system_without_sighup(run):
    """Windows has neither it nor the calls that send to a thread, or wait for a signal."""
    missing = ("SIGHUP", "SIGQUIT", "pthread_kill", "pthread_sigmask", "sigtimedwait")
    code = f"import signal\nfor name in {missing}: delattr(signal, name)\n"
    done = run("floor", program=("-c", f"{code}from truetpot.__main__ import main; main()"))
    assert (done.code, done.err) == (0, "")


FINALISER = """
import os, signal, sys, time
from truetpot import cli
class Dropping:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
def drop(*args, **kwargs):
    one = Dropping()
    del one
    time.sleep(60)
from truetpot.facts import hardware
hardware.load_hardware = drop
cli.main(["floor"])
"""


def test_in_a_finaliser_where_python_drops_it():
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", FINALISER], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert time.monotonic() - start < 60


def test_tune_keeps_its_record(start, read, model, tmp_path, check_tune):
    file = tmp_path / "tune.json"
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    run = start(
        *("tune", "--model", model, "--kernels", folder, "--provider", "mine", "--device", "cpu"),
        *("--op", "silu_mul", "--context", 20, "--seconds", 60, "--json", file),
        *("--out", tmp_path / "out.toml"),
        quick=True,
    )
    run.until(lambda: any(one["looks"] for one in read(file).get("results", ())))
    assert json.loads(file.read_text())["partial"]
    run.send(signal.SIGKILL)
    run.end()
    record = read(file)
    check_tune(record)
    assert record["partial"]
    assert [one["status"] for one in record["results"]] == ["partial"]


MINE = """
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="mine", devices=("cpu",))
class Mine(Kernel):
    @classmethod
    def configs(cls, case, device):
        yield from ({"repeat": repeat} for repeat in range(1, 20))

    def __call__(self, *, gate_up):
        for _ in range(self.config["repeat"]):
            gate, up = gate_up.float().chunk(2, dim=1)
            out = (gate.sigmoid() * gate * up).to(gate_up.dtype)
        return out
"""
