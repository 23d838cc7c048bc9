"""Every kernel of ``examples/`` is right in every case that it takes, with every configuration.

In a process of its own: that is how a user runs one, and Triton decides when it is imported whether
it interprets.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms

EXAMPLES = Path(__file__).parents[2] / "examples"
LONG = 2048
"""Columns from which on Triton's interpreter takes too long."""
CHECK = """
import json, sys
from truetpot.measure.prepared import PreparedCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

folder, name, longest = sys.argv[1], sys.argv[2], int(sys.argv[3])
REGISTRY.load_builtin()
before = {*REGISTRY.imported()}
lost = [missing.reason for missing in REGISTRY.load_folder(folder)]
device, checked, wrong = choose_device(name), 0, []
own = [kernel for kernel in REGISTRY.imported() if kernel not in before]
for kernel in own:
    for case in kernel.op.grid():
        if kernel.refuses(case, device) or (longest and getattr(case, "n", 0) > longest):
            continue
        prepared = PreparedCase(kernel.op, case, device)
        for config in kernel.configs(case, device):
            found = prepared.check(kernel(case, device, **config))
            wrong += [] if found.ok else [f"{case.label()} {config}: {found.reason}"]
            checked += 1
providers = [kernel.provider for kernel in own]
print(json.dumps({"lost": lost, "wrong": wrong, "checked": checked, "providers": providers}))
"""


def checked(folder, device, longest=0, **variables):
    command = [sys.executable, "-c", CHECK, EXAMPLES / folder, device, longest]
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["wrong"]) == ([], [])
    return found


def test_numba():
    pytest.importorskip("numba", reason="numba is not installed")
    found = checked("numba_kernels", "cpu")
    assert found["providers"] == ["my_numba"]
    assert found["checked"] >= 3 * 15  # configurations, cases


def test_triton():
    pytest.importorskip("triton", reason="Triton is not installed")
    found = checked("triton_kernels", "cpu", LONG, TRITON_INTERPRET="1")
    assert found["providers"] == ["my_triton"]
    assert found["checked"] >= 3 * 12


def test_composite():
    found = checked("composite", "cpu")
    assert (found["providers"], found["checked"]) == (["fused"], 2)


@pytest.mark.opencl
@pytest.mark.parametrize("name", [*platforms.devices()] or [None])
def test_opencl(name):
    if name is None:
        pytest.skip("no OpenCL device: pip install 'truetpot[opencl]'")
    target = choose_device(name).target
    found = checked("opencl_kernels", name)
    assert found["providers"] == ["colwise"]
    if not target.half or 16 not in target.subgroups:
        assert found["checked"] == 0
        pytest.skip(f"{name} has no half, or no sub-groups of 16")
    assert found["checked"] > 0


def test_every_folder_is_run_by_a_test():
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    by_tests = {"numba_kernels", "triton_kernels", "opencl_kernels", "composite"}
    # test_user_kernels.py, tests/fleet, tests/decode/test_added.py
    elsewhere = {"my_kernels", "fleet", "operator", "weight_format"}
    assert folders == by_tests | elsewhere
