"""A kernel of someone else that raises anything, or ends the process, takes no measurement along.

Each run is the real command line in a process of its own, as no other has anything to lose.
"""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from truetpot.cli.supervise import MOST_ENDS, _blame, at_risk

KERNEL = """
import ctypes, os, sys
import torch
from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register

calls, when = [0], int(os.environ["WHEN"])

def end():
    how = os.environ["HOW"]
    if how == "exit":
        os._exit(0)
    if how == "read":
        ctypes.string_at(0)
    raise {"sys.exit": SystemExit(0), "interrupt": KeyboardInterrupt()}[how]

if when < 0:
    end()

@register(ARGMAX, provider="bad", devices=("cpu",))
class Bad(Kernel):
    def __call__(self, *, logits):
        calls[0] += 1
        if calls[0] == when:
            end()
        return logits.argmax(dim=1)
"""
WAYS = ["exit", pytest.param("read", marks=pytest.mark.exhaustive)]
ENDS = {"exit": "exit code 0", "read": "signal 11"}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "kernels"
    path.mkdir()
    (path / "bad.py").write_text(KERNEL)
    return path


@pytest.fixture
def started(model, folder, tmp_path):
    """``started(how, when, command, ...)``: the process, and where its record goes."""

    def start(how, when, *args):
        file = tmp_path / "record.json"
        command = [*args, "--model", model, "--kernels", folder, "--context", 20, "--json", file]
        threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "TRUETPOT_TUNED": "off"}
        process = subprocess.Popen(
            [sys.executable, "-m", "truetpot", *map(str, command)],
            env={**os.environ, **threads, "HOW": how, "WHEN": str(when)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a shell's background job, which a test run may be, has Ctrl-C ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        return process, file

    return start


@pytest.fixture
def run(started):
    """The exit code, both streams and the record."""

    def call(*args):
        process, file = started(*args)
        out, err = process.communicate(timeout=600)
        assert "Traceback" not in err, err
        return process.returncode, out, err, json.loads(file.read_text())

    return call


KERNELS = ("kernels", "--op", "silu_mul,argmax", "--provider", "bad,torch", "--seconds", 0.1)
DECODE = ("decode", "--provider", "bad,torch", "--seconds", 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("how", WAYS)
def test_kernels_go_on_without_the_one_that_ended_the_process(run, check_kernels, how):
    code, out, err, record = run(how, 25, *KERNELS)
    assert code == 1
    check_kernels(record)
    assert not record["partial"]
    results = {(r["op"], r["provider"]): r for r in record["results"]}
    assert [*results] == [
        (op, provider) for op in ("silu_mul", "argmax") for provider in ("bad", "torch")
    ]
    bad = results["argmax", "bad"]
    assert (bad["status"], bad["median_s"]) == ("wrong", None)
    assert bad["reason"] == f"ended the process ({ENDS[how]})"
    assert results["silu_mul", "torch"]["status"] == results["argmax", "torch"]["status"] == "ok"
    assert f"truetpot: bad argmax (dtype=bf16 m=1 vocab=208) {bad['reason']}." in err
    # the case before is neither measured nor shown again
    assert err.count("1/2 silu_mul") == out.count("silu_mul (silu_mul)") == 1


@pytest.mark.slow
def test_a_file_that_ends_the_process_is_not_loaded(run):
    code, out, err, record = run("exit", -1, *KERNELS)
    assert code == 1
    assert "bad.py ended the process (exit code 0)." in err
    assert "was not loaded: ended the process (exit code 0)" in " ".join(out.split())
    (bad, good) = (r for r in record["results"] if r["op"] == "argmax")
    assert (bad["status"], good["status"]) == ("skipped", "ok")


@pytest.mark.slow
@pytest.mark.parametrize("how", WAYS)
def test_a_step_that_a_kernel_ended_leaves_its_record(run, check_decode, how):
    code, _, err, record = run(how, 60, *DECODE)
    assert code == 1
    check_decode(record)
    assert record["partial"]
    assert not record["valid"]
    assert record["interrupted_during"] == "timing"
    assert record["rungs"]["ceiling"]["ms_per_token"] > 0
    sentence = f"bad argmax (dtype=bf16 m=1 vocab=208) ended the process ({ENDS[how]})"
    assert record["warnings"][0] == sentence
    assert f"truetpot: {sentence}." in err


@pytest.mark.slow
def test_what_a_kernel_raises_is_told_by_the_run_itself(run, check_kernels, check_decode):
    code, _, _, record = run("sys.exit", 25, *KERNELS)
    assert code == 1
    check_kernels(record)
    bad, good = (r for r in record["results"] if r["op"] == "argmax")
    assert (bad["status"], good["status"]) == ("invalid", "ok")
    assert "SystemExit: 0" in bad["reason"]
    code, out, _, record = run("interrupt", 60, *DECODE)
    assert code == 1
    check_decode(record)
    assert not record["valid"]
    sentence = "bad argmax (dtype=bf16 m=1 vocab=208) is invalid: KeyboardInterrupt"
    assert sentence in record["warnings"]
    assert sentence in out


@pytest.mark.slow
def test_an_interrupt_reaches_the_run(started, check_kernels):
    process, file = started("exit", 0, *KERNELS[:-1], 300)
    alarm = threading.Timer(300, process.kill)
    alarm.start()
    try:
        for line in process.stderr:
            if line.startswith("1/2"):
                break
        threading.Timer(2.5, process.send_signal, [signal.SIGINT]).start()
        _, err = process.communicate()
    finally:
        alarm.cancel()
        process.kill()
    assert process.returncode == 130, err
    record = json.loads(file.read_text())
    check_kernels(record)
    assert record["partial"]
    assert "truetpot: bad" not in err


@pytest.mark.parametrize(
    ("arguments", "risk"),
    [
        (["kernels", "--kernels", "folder"], True),
        (["decode", "--kernels=folder"], True),
        (["tune", "--json", "x", "--kernels", "folder"], True),
        (["tune", "--op", "linear"], True),
        (["kernels", "--op", "linear"], False),
        (["floor", "--kernels", "folder"], False),
        ([], False),
    ],
)
def test_when_a_child_is_started(monkeypatch, arguments, risk):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ())
    assert at_risk(arguments) is risk
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ["mine"])
    assert at_risk(arguments) is (bool(arguments) and arguments[0] != "floor")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not at_risk(arguments), "a rank is watched by the others"


def test_an_operator_that_ends_it_again_and_again_is_given_up():
    blamed = {}
    for i in range(MOST_ENDS):
        assert "mine linear" not in blamed
        _blame(blamed, f"mine linear (m={i})", "ended the process (signal 11)")
    assert blamed["mine linear"].startswith(f"ended the process {MOST_ENDS} times")
