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
SMALL = "triton-cpu and not 520"  # 520 rows of 5120


def test_every_small_case():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", SMALL]
    done = subprocess.run(
        [*command, str(HERE / "test_kernels.py")],
        env=os.environ | {"TRITON_INTERPRET": "1", "TRUETPOT_TEST_CONFIGS": "1"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    found = re.search(r"(\d+) passed", done.stdout)
    assert found is not None and int(found[1]) > 250, done.stdout[-1000:]
