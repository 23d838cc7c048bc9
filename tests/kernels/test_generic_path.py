"""The numba kernels once more, on the path of a CPU without the special instructions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from truetpot.ops.registry import REGISTRY

HERE = Path(__file__).parent
DIFFERENT = "sym_int4 or (decode_attention and not fp16 and not fp8)"
"""Where the special instruction is used at all: int4 weights, and caches in bf16."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kept", "part"),
    [
        (DIFFERENT, "not exhaustive"),
        pytest.param(DIFFERENT, "exhaustive", marks=pytest.mark.exhaustive),
        pytest.param(f"not ({DIFFERENT})", "", marks=pytest.mark.exhaustive),
    ],
)
def test_numba_without_special_instructions(kept, part):
    REGISTRY.load_builtin()
    if not REGISTRY.kernels(provider="numba"):
        pytest.skip("; ".join(m.reason for m in REGISTRY.missing()) or "no numba kernels")
    from truetpot.runtime import simd

    if simd.path_name() == "generic":
        pytest.skip("the generic path is the only one here: test_kernels.py has run it")
    run = [sys.executable, "-m", "pytest", "-q", "-k", f"numba-cpu and ({kept})", "-m", part]
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
