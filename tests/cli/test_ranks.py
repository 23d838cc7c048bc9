"""``--tp`` over gloo: what is measured, and that no failure leaves a rank waiting."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress

import psutil
import pytest

ENDS_WITHIN_S = 30
QUICK = ["--device", "cpu", "--provider", "torch", "--context", "20", "--format", "bf16"]
HANGS = """
import time
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

@register(SILU_MUL, provider="stuck", devices=("cpu",))
class Stuck(Kernel):
    def __call__(self, *, gate_up):
        while self.device.group.rank == 1:
            time.sleep(1)
        gate, up = gate_up.float().chunk(2, dim=1)
        return (gate.sigmoid() * gate * up).to(gate_up.dtype)
"""


def environment(**more):
    launchers = ("RANK", "WORLD", "LOCAL", "MASTER", "OMPI", "PMI", "SLURM", "TRUETPOT")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(launchers)}
    return mine | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"} | more


class Started:
    """A command that is running, and every process that it has started."""

    def __init__(self, *args, program=("-m", "truetpot"), **more):
        self.process = subprocess.Popen(
            [sys.executable, *program, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**more),
        )
        self.tree = []

    def ranks(self):
        """The processes of the ranks, in order."""
        self.tree = psutil.Process(self.process.pid).children(recursive=True)
        places = {rank: p for p in self.tree if (rank := rank_of(p)) is not None}
        return [places[rank] for rank in sorted(places)]

    def end(self, timeout=240):
        """Exit code and standard error; nothing is left of it."""
        out, err = self.process.communicate(timeout=timeout)
        for left in psutil.wait_procs(self.tree, timeout=5)[1]:
            left.kill()
            raise AssertionError(f"left behind: {left}")
        sentences = [line for line in err.splitlines() if line.startswith("truetpot: ")]
        return self.process.returncode, out, sentences


def rank_of(process):
    """Which rank a process is; None for a launcher, and for one that is gone already."""
    with suppress(psutil.Error):
        if "truetpot" in process.cmdline() and "RANK" in (place := process.environ()):
            return int(place["RANK"])
    return None


def until(condition, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")


def rounds(file):
    """Rounds in a record that is being written."""
    try:
        return (json.loads(file.read_text())["step_timing"] or {}).get("rounds", 0)
    except (OSError, ValueError):
        return 0


HANGS_TOO = pytest.mark.exhaustive  # as a rank that hangs in a kernel: the same watch sees it


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "was killed"),
        pytest.param(signal.SIGSTOP, "has hung", marks=HANGS_TOO),
    ],
)
def test_a_rank_that_is_lost_ends_all_and_leaves_what_was_measured(model, tmp_path, number, said):
    file = tmp_path / "lost.json"
    run = Started("decode", "--model", model, *QUICK, "--tp", 2, "--seconds", 300, "--json", file)
    until(lambda: rounds(file))
    victim = run.ranks()[1]
    victim.send_signal(number)
    start = time.monotonic()
    code, _, sentences = run.end()
    assert time.monotonic() - start < ENDS_WITHIN_S
    assert code == 2
    (sentence,) = sentences
    assert f"rank 1 (process {victim.pid}) {said}" in sentence
    record = json.loads(file.read_text())
    assert record["partial"]
    assert rounds(file) >= 1


def test_a_rank_that_hangs_in_a_kernel_is_named(model, tmp_path):
    (tmp_path / "stuck.py").write_text(HANGS)
    options = ["--kernels", tmp_path, "--provider", "stuck,torch", "--tp", 2, "--seconds", 1]
    run = Started("decode", "--model", model, *QUICK, *options, TRUETPOT_RANK_TIMEOUT_S="5")
    until(lambda: len(run.ranks()) == 2)
    code, _, sentences = run.end()
    assert code == 2
    (sentence,) = sentences
    assert "rank 1" in sentence and "has hung" in sentence


def by_mpi(rank, ranks, port, *args, **options):
    """One rank, as an MPI launcher would start it."""
    place = {"OMPI_COMM_WORLD_RANK": str(rank), "OMPI_COMM_WORLD_SIZE": str(ranks)}
    return Started(*args, **options, **place, MASTER_PORT=str(port))


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


OTHER = (
    "import sys, truetpot; truetpot.__version__ = '9.9'; sys.argv[0] = 'truetpot'; "
    "from truetpot.cli import main; main()"
)


@pytest.mark.parametrize("what", ["model", "version"])
def test_ranks_that_differ_are_told_so(model, what):
    port = free_port()
    decode = ["decode", "--model", model, *QUICK, "--seconds", 1]
    first = by_mpi(0, 2, port, *decode)
    if what == "model":
        other = by_mpi(1, 2, port, *decode[:2], "qwen2.5-0.5b", *decode[3:])
    else:
        other = by_mpi(1, 2, port, *decode, program=("-c", OTHER))
    ends = [run.end() for run in (first, other)]
    assert [code for code, *_ in ends] == [2, 2]
    (sentence,) = [line for *_, sentences in ends for line in sentences]
    wanted = "model qwen2.5-0.5b" if what == "model" else "truetpot 9.9"
    assert f"rank 1 has {wanted}" in sentence and "rank 0" in sentence


def test_a_port_that_is_taken_is_named(model):
    with closing(socket.socket()) as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        decode = ["decode", "--model", model, *QUICK]
        run = by_mpi(0, 2, port, *decode)
        code, _, sentences = run.end()
    assert code == 2
    (sentence,) = sentences
    assert f"Port {port} is taken" in sentence and "MASTER_PORT" in sentence


def test_a_rank_without_others_gives_up(model):
    decode = ["decode", "--model", model, *QUICK]
    run = by_mpi(1, 2, free_port(), *decode, TRUETPOT_RANK_TIMEOUT_S="3")
    start = time.monotonic()
    code, _, sentences = run.end()
    assert code == 2
    assert time.monotonic() - start < ENDS_WITHIN_S + 30  # which is mostly imports
    (sentence,) = sentences
    assert "rank 1: No rank 0 of this run answers" in sentence


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--tp", 2, "--device", "cuda"], "2 ranks need 2 cuda devices"),
        (["--tp", 2, "--shard", "0/2"], "leave out --tp"),
        (["--tp", 3, "--device", "cpu"], "tp = 3 does not divide"),
        (["--tp", 2, "--device", "cuda:0"], "say --device cuda"),
        (["--tp", 2, "--device", "opencl:cpu"], "xpu, cuda or cpu"),
    ],
)
def test_what_cannot_be_started(cli, model, args, message, monkeypatch):
    monkeypatch.setattr("truetpot.runtime.distributed.launch.device_count", lambda kind: 0)
    done = cli("decode", "--model", model, "--format", "bf16", *args)
    assert done.code == 2
    assert message in done.err


def test_a_step_of_qwen_on_two_ranks(tmp_path, check_decode):
    file = tmp_path / "step.json"
    decode = ["decode", "--model", "qwen2.5-0.5b", "--context", 128, "--device", "cpu"]
    run = Started(*decode, "--provider", "torch", "--format", "bf16", "--tp", 2, "--seconds", 0.1,
                  "--json", file)  # fmt: skip
    code, out, sentences = run.end()
    assert code == 0, sentences
    record = json.loads(file.read_text())
    check_decode(record)
    assert record["tp"] == 2
    assert record["layers_measured"] == 24
    assert [row["rank"] for row in record["ranks"]] == [0, 1]
    talk = record["communication"]
    assert talk["backend"] == "gloo"
    assert talk["count"] == 2 * 24 + 1
    assert talk["payload_bytes"] == 48 * 896 * 2 + 8
    rungs = {name: rung["ms_per_token"] for name, rung in record["rungs"].items() if rung}
    assert talk["exposed_ms"] == pytest.approx(rungs["step"] - rungs["kernels"])
    assert rungs["kernels"] == max(row["kernels_ms"] for row in record["ranks"])
    assert rungs["step"] == max(row["step_ms"] for row in record["ranks"])
    roles = {row["role"] for row in record["operators"]}
    assert {"o_sum", "down_sum", "gather", "best_of_ranks"} <= roles
    assert "49 collectives over gloo" in out


def test_collectives_on_two_ranks(tmp_path, check_collectives):
    file = tmp_path / "collectives.json"
    kernels = ["kernels", "--op", "all_reduce,all_gather", "--small", "--device", "cpu"]
    run = Started(*kernels, "--tp", 2, "--seconds", 0.05, "--json", file)
    code, out, sentences = run.end()
    assert code == 0, sentences
    record = json.loads(file.read_text())
    check_collectives(record)
    assert (record["tp"], record["backend"]) == (2, "gloo")
    torch = [result for result in record["results"] if result["provider"] == "torch"]
    sizes = {result["payload_bytes"] for result in torch if result["op"] == "all_reduce"}
    assert sizes == {0, 896 * 2, 64 << 10, 1 << 20}
    for result in torch:
        assert result["status"] == "ok", result
        assert 0 < result["p50_s"] <= result["p99_s"]
        assert len(result["rank_medians_s"]) == 2
        assert result["error"] <= result["tolerance"]
    assert {result["in_place"] for result in torch} == {True, False}
    assert "all_gather" in out


def test_a_local_rank_without_a_device_is_named_once(model):
    """As under torchrun, where no one counts the devices before."""
    port = free_port()
    decode = ["decode", "--model", model, "--format", "bf16", "--device", "xpu"]
    options = {"CUDA_VISIBLE_DEVICES": "", "ZE_AFFINITY_MASK": "none"}
    # gloo stands in for a backend that this torch may not have
    patched = OTHER.replace(
        "truetpot.__version__ = '9.9'",
        "from dataclasses import replace; from truetpot.facts.kinds import all_kinds; "
        "kinds = all_kinds(); kinds['xpu'] = replace(kinds['xpu'], backend='gloo')",
    )
    ranks = [by_mpi(r, 2, port, *decode, program=("-c", patched), **options) for r in (0, 1)]
    ends = [run.end() for run in ranks]
    assert [code for code, *_ in ends] == [2, 2]
    (sentence,) = [line for *_, sentences in ends for line in sentences]
    assert "there is no xpu device for local rank" in sentence
