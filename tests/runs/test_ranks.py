"""Ranks on machines that differ in all that they decide by decide the same, and none waits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.unlike import FOUND
from truetpot.runtime.group import ALONE, Group

WORKER = Path(__file__).with_name("unlike_ranks.py")


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.exhaustive)])
def test_a_step_and_its_sums(model, ranks):
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    done = subprocess.run(
        [*run, str(ranks), str(WORKER), str(model)],
        env=os.environ | FOUND | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.count("agreed") == ranks, done.stdout


def test_what_ranks_do_not_have_alike_is_told_on_each():
    class Two(Group):
        size = 2

        def gather(self, what):
            return [what, 3]

    assert ALONE.same(2, "calls") == 2
    assert Two().same(3, "calls") == 3
    with pytest.raises(RuntimeError, match="the same calls: rank 0: 2; rank 1: 3"):
        Two().same(2, "calls")
