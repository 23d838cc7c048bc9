"""Standard output that is closed, full, or of few characters."""

import os
import subprocess
import sys

import pytest

KERNELS = (
    "kernels", "--small", "--device", "cpu", "--provider", "torch", "--seconds", 0.05,
    "--op", "silu_mul,rms_norm",
)  # fmt: skip
ASCII = {
    "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii",
}  # fmt: skip


def test_a_reader_that_has_seen_enough(start, read, tmp_path, check_kernels):
    file = tmp_path / "kernels.json"
    take, give = os.pipe()
    os.close(take)
    run = start(*KERNELS, "--json", file, quick=True, options={"stdout": give})
    os.close(give)
    done = run.end()
    assert done.code == 0, done.err
    assert "truetpot: " not in done.err
    record = read(file)
    check_kernels(record)
    assert not record["partial"]
    assert {one["op"] for one in record["results"]} == {"silu_mul", "rms_norm"}


def test_the_exit_code_is_as_without_it(start):
    """``check`` finds an error; head has its line."""
    take, give = os.pipe()
    os.close(take)
    done = start("floor", "--published", options={"stdout": give}).end()
    os.close(give)
    assert done.code == start("floor", "--published").end().code


@pytest.mark.parametrize("args", [["floor"], ["floor", "--json"], ["--help"], ["floor", "--help"]])
def test_a_closed_pipe(start, args):
    take, give = os.pipe()
    os.close(take)
    done = start(*args, options={"stdout": give}).end()
    os.close(give)
    assert (done.code, done.err) == (0, "")


def test_a_full_device(start, read, tmp_path):
    file = tmp_path / "kernels.json"
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = start(*KERNELS, "--json", file, quick=True, options={"stdout": full}).end()
    assert done.code == 2
    assert "No space left on device" in done.sentence
    assert not read(file)["partial"]


def test_a_full_standard_error_is_no_error():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "truetpot", "floor", "--json", "-"],
            stdout=subprocess.PIPE, stderr=full, check=False,
        )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith(b"{")


@pytest.mark.parametrize("missing", [1, 2])
def test_a_stream_that_is_not_there(environment, missing):
    words = [sys.executable, "-m", "truetpot", "floor"]
    shell = ["sh", "-c", f'exec "$@" {missing}>&-', "sh", *words]
    done = subprocess.run(shell, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["floor", "--context", "1024:5120"],
        ["floor", "--published"],
        ["dispatch"],
        ["doctor", "--no-check", "--variables"],
        ["providers", "--device", "cpu"],
        ["--help"],
    ],
)
def test_characters_that_there_are_not(run, args):
    done = run(*args, **ASCII)
    assert done.code == run(*args).code
    assert done.out.isascii()
    assert done.err == ""
