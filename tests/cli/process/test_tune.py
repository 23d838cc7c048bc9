"""A search outlives what it tries: what crashes or hangs, and a kill at any moment."""

import json
import signal
import tomllib

import pytest

pytestmark = pytest.mark.slow

KERNEL = """
import ctypes, os, signal, time
import torch
from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register

WAYS = {ways}

@register(ARGMAX, provider="mine", devices=("cpu",))
class Mine(Kernel):
    def __init__(self, case, device, way="slow"):
        super().__init__(case, device, way=way)
        if way == "compiler crashes":
            ctypes.string_at(0)

    @classmethod
    def configs(cls, case, device):
        ways = WAYS
        yield from ({"way": way} for way in ways)

    def __call__(self, *, logits):
        way = self.config["way"]
        if way == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if way == "hangs":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
            while True:
                time.sleep(1)
        for _ in range(1 if way == "fast" else 10):
            out = logits.float().max(dim=1).indices
        return out
"""


@pytest.fixture
def tune(tmp_path):
    """A command that searches these ways; a trial takes a second, on a busy machine several."""

    def make(*ways):
        folder = tmp_path / "kernels"
        folder.mkdir()
        (folder / "mine.py").write_text(KERNEL.replace("{ways}", repr(ways)))
        return (
            *("tune", "--device", "cpu", "--op", "argmax", "--provider", "mine"),
            *("--kernels", folder, "--seconds", "0.5", "--limit", "20", "--context", "20"),
            *("--out", tmp_path / "out.toml"),
        )

    return make


def test_what_crashes_or_hangs_ends_its_trial_only(start, tune, tmp_path):
    record = tmp_path / "record.json"
    ways = ("slow", "compiler crashes", "hangs", "crashes", "fast")
    done = start(*tune(*ways), "--json", record).end(900)
    assert done.code == 0, done.err
    (row,) = json.loads(record.read_text())["results"]
    reasons = {look["config"]["way"]: look["reason"] for look in row["looks"]}
    assert reasons.pop("fast") == ""
    assert set(reasons) == {"compiler crashes", "hangs", "crashes"}
    assert "signal 11" in reasons["compiler crashes"]
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

    command = tune("slow", "slower", "fast", "as slow")
    first = start(*command)
    first.until(lambda: len(seen()) >= 1)
    before = seen()
    first.send(signal.SIGKILL)
    first.end()
    done = start(*command).end(900)
    assert done.code == 0, done.err
    assert "configurations known from the run before" in done.err
    assert before
    assert "way=fast" in done.out
