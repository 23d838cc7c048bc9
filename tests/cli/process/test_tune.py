"""A search outlives what it tries: what crashes or hangs, and a kill at any moment."""

import json
import signal
import tomllib

import pytest

pytestmark = pytest.mark.slow

KERNEL = """
import ctypes, os, signal, sys, time
import torch
from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register

@register(ARGMAX, provider="mine", devices=("cpu",))
class Mine(Kernel):
    def __init__(self, case, device, way="slow"):
        super().__init__(case, device, way=way)
        if way == "compiler crashes":
            ctypes.string_at(0)
        if way == "compiler leaves":
            os._exit(0)

    @classmethod
    def configs(cls, case, device):
        ways = ("slow", "compiler crashes", "hangs", "compiler leaves", "crashes", "fast")
        yield from ({"way": way} for way in ways)

    def __call__(self, *, logits):
        way = self.config["way"]
        if way == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if way == "hangs":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
            while True:
                time.sleep(1)
        for _ in range(1 if way == "fast" else 60):
            out = logits.float().max(dim=1).indices
        return out
"""


@pytest.fixture
def tune(tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "mine.py").write_text(KERNEL)
    out = tmp_path / "out.toml"
    return (
        *("tune", "--device", "cpu", "--op", "argmax", "--provider", "mine", "--kernels", folder),
        *("--seconds", "0.5", "--limit", "6", "--out", out, "--context", "20"),
    )


def test_what_crashes_or_hangs_ends_its_trial_only(run, tune, tmp_path):
    record = tmp_path / "record.json"
    done = run(*tune, "--json", record)
    assert done.code == 0, done.err
    (row,) = json.loads(record.read_text())["results"]
    reasons = {look["config"]["way"]: look["reason"] for look in row["looks"]}
    assert reasons.pop("fast") == ""
    assert set(reasons) == {"compiler crashes", "hangs", "compiler leaves", "crashes"}
    assert "signal 11" in reasons["compiler crashes"]
    assert "exit code 0" in reasons["compiler leaves"]
    assert "signal 11" in reasons["crashes"]
    assert "took too long" in reasons["hangs"]
    assert row["status"] == "tuned"
    assert row["decision"]["verdict"] == "faster"
    assert len(row["decision"]["gains"]) == 5, "each of a process of its own"
    ((_, entry),) = tomllib.loads((tmp_path / "out.toml").read_text())["argmax"]["mine"].items()
    assert entry["config"] == {"way": "fast"}


def test_a_kill_loses_the_trial_under_way_at_most(start, tune, tmp_path):
    progress = tmp_path / "out.progress.jsonl"

    def seen():
        if not progress.exists():
            return []
        return [line for line in progress.read_text().splitlines() if '"look"' in line]

    first = start(*tune)
    first.until(lambda: len(seen()) >= 1)
    before = seen()
    first.send(signal.SIGKILL)
    first.end()
    second = start(*tune)
    done = second.end()
    assert done.code == 0, done.err
    assert "configurations known from the run before" in done.err
    assert before
    assert "way=fast" in done.out
