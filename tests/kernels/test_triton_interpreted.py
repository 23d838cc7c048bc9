"""The Triton kernels on the CPU, by Triton's interpreter: every case of their operators but those
of long rows, which take it minutes and show nothing that shorter ones do not.

In a process of its own: Triton decides when it is imported whether it interprets.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="Triton is not installed")
HERE = Path(__file__).parent
MULTIPLY_ADDS = """
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import LINEAR, LINEAR_ADD, LINEAR_SILU_MUL
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

REGISTRY.load_builtin()
device, checked = choose_device("cpu"), 0
for op in (LINEAR, LINEAR_SILU_MUL, LINEAR_ADD):
    [kernel_type] = REGISTRY.kernels(op.name, "triton")
    for case in op.grid():
        part = getattr(case, "parts", (case,))[0]
        int4 = part.weight_format in ("sym_int4", "woq_int4")
        if int4 and part.m == 1 and part.dtype != "fp32" and part.n < 520:
            kernel = kernel_type(case, device, G=2, BW=32, UNROLL=1, num_warps=1)
            found = PreparedCase(op, case, device, 1).check(kernel)
            assert found.ok, (case, found.reason)
            checked += 1
print(checked)
"""
SMALL = "triton-cpu and not 520"  # 520 rows of 5120


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "least"),
    [("not exhaustive", 200), pytest.param("exhaustive", 100, marks=pytest.mark.exhaustive)],
)
def test_every_small_case(part, least):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", SMALL]
    done = subprocess.run(
        [*command, "-m", part, str(HERE / "test_kernels.py")],
        env=os.environ | {"TRITON_INTERPRET": "1", "TRUETPOT_TEST_CONFIGS": "1"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    found = re.search(r"(\d+) passed", done.stdout)
    assert found is not None and int(found[1]) > least, done.stdout[-1000:]


def test_int4_by_multiply_adds():
    """What int4 runs as on Arc, where the matrix engine is not the usual choice."""
    done = subprocess.run(
        [sys.executable, "-c", MULTIPLY_ADDS],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= 10
