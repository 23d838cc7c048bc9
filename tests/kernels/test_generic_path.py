"""The numba kernels once more, on the path of a CPU without the special instructions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from truetpot.ops.registry import REGISTRY

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["not exhaustive", pytest.param("exhaustive", marks=pytest.mark.exhaustive)]
)
def test_numba_without_special_instructions(part):
    REGISTRY.load_builtin()
    if not REGISTRY.kernels(provider="numba"):
        pytest.skip("; ".join(m.reason for m in REGISTRY.missing()) or "no numba kernels")
    from truetpot.runtime import simd

    if simd.path_name() == "generic":
        pytest.skip("the generic path is the only one here: test_kernels.py has run it")
    run = [sys.executable, "-m", "pytest", "-q", "-k", "numba-cpu", "-m", part]
    done = subprocess.run(
        [*run, HERE / "test_kernels.py"],
        cwd=HERE.parents[1],
        env={**os.environ, "TRUETPOT_SIMD": "generic"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
