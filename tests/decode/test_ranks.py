"""Ranks that talk over gloo do the step of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("several_ranks.py")
MODELS = ("qwen2", "qwen3", "llama", "llama-tied-biased-llama3")


@pytest.mark.parametrize("ranks", [2, 4])
def test_logits_and_collectives_of_every_cpu_provider(checkpoint, ranks):
    folders = [str(checkpoint(name).directory) for name in MODELS]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    done = subprocess.run(
        [*run, str(ranks), str(WORKER), *folders],
        env=os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.count("whole") == ranks * len(MODELS), done.stdout
