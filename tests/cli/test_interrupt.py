"""Ctrl-C at any stage leaves what was measured."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

QUICK = ["--seconds", 0.1, "--context", 20]


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stage", "place", "rungs"),
    [
        ("check", "wrong_kernels", set()),
        ("ceiling", "find_ceiling", set()),
        ("weights", "DecodeStep", {"ceiling"}),
    ],
)
def test_each_stage_of_decode(cli, model, tmp_path, monkeypatch, check_decode, stage, place, rungs):
    monkeypatch.setattr(f"truetpot.runs.decode.{place}", interrupt)
    file = tmp_path / "decode.json"
    done = cli("decode", "--model", model, *QUICK, "--json", file)
    assert done.code == 130
    record = json.loads(file.read_text())
    check_decode(record)
    assert record["partial"]
    assert not record["finished"]
    assert record["interrupted_during"] == stage
    assert {name for name, rung in record["rungs"].items() if rung} == rungs
    assert f"Interrupted during {stage}" in done.out


def test_kernels_keep_the_cases_before(cli, model, monkeypatch, check_kernels):
    from truetpot.runs import kernels

    calls = iter([kernels.measure_kernels])

    def once(*args, **kwargs):
        return next(calls, interrupt)(*args, **kwargs)

    monkeypatch.setattr(kernels, "measure_kernels", once)
    done = cli("kernels", "--model", model, "--seconds", 0.05, "--provider", "torch", "--json")
    assert done.code == 130
    check_kernels(done.record)
    assert done.record["partial"]
    assert [result["status"] for result in done.record["results"]] == ["ok"]


@pytest.mark.slow
@pytest.mark.exhaustive  # as process/test_signals.py ends a step in its timing
def test_a_signal_during_timing(model, tmp_path, check_decode):
    file = tmp_path / "decode.json"
    command = [sys.executable, "-m", "truetpot", "decode", "--model", model, "--provider", "torch"]
    process = subprocess.Popen(
        [*map(str, command), "--context", "20", "--seconds", "300", "--json", str(file)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        # a shell's background job, which a test run may be, has Ctrl-C ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    alarm = threading.Timer(120, process.kill)
    alarm.start()
    try:
        for line in process.stderr:
            if line.startswith("timing the step"):
                break
        timer = threading.Timer(2.5, process.send_signal, [signal.SIGINT])
        timer.start()
        out, err = process.communicate(timeout=60)
    finally:
        alarm.cancel()
        process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    record = json.loads(file.read_text())
    check_decode(record)
    assert record["partial"]
    assert record["interrupted_during"] == "timing"
    assert record["step_timing"]["stop"] == "interrupted"
    assert record["rungs"]["step"]["ms_per_token"] > 0
    assert "Interrupted during timing" in out
