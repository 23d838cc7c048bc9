"""Ranks that talk to each other do the step of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from truetpot.runtime.choose import present

WORKER = Path(__file__).with_name("several_ranks.py")
MODELS = ("qwen2", "qwen3", "llama", "llama-tied-biased-llama3")
CARDS = [name for name in present() if name.startswith(("cuda", "xpu"))]


def same_as_one(checkpoint, kind, ranks):
    """Logits of every provider, and the collectives, on so many ranks of a kind of device."""
    folders = [str(checkpoint(name).directory) for name in MODELS]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    done = subprocess.run(
        [*run, str(ranks), str(WORKER), kind, *folders],
        env=os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.count("whole") == ranks * len(MODELS), done.stdout


@pytest.mark.slow
# with two ranks qwen3's one KV head is copied already, as four have to copy the others'
@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.exhaustive)])
def test_on_a_cpu(checkpoint, ranks):
    same_as_one(checkpoint, "cpu", ranks)


@pytest.mark.gpu
@pytest.mark.parametrize("ranks", [ranks for ranks in (2, 4) if ranks <= len(CARDS)])
def test_on_several_cards(checkpoint, ranks):
    same_as_one(checkpoint, CARDS[0].split(":")[0], ranks)
