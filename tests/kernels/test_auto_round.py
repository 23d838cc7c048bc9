"""AutoRound's CPU product: the real thing out of its wheel, in a process of its own."""

import os
import subprocess
import sys

import pytest

from truetpot.ops import LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

RUN = """
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import LINEAR
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

cpu, ran = choose_device("cpu"), 0
REGISTRY.load_builtin()
(kernel,) = REGISTRY.kernels("linear", "auto_round")
for case in LINEAR.grid():
    if kernel.refuses(case, cpu) is None:
        found = PreparedCase(LINEAR, case, cpu).check(kernel.make(case, cpu))
        assert found.ok and not found.coarse, (case.label(), found.reason)
        ran += 1
print("right:", ran)
"""


def test_without_the_package_it_says_so_in_one_line(monkeypatch):
    REGISTRY.load_builtin()
    (kernel,) = REGISTRY.kernels("linear", "auto_round")
    module = sys.modules[kernel.__module__]
    module.why_not.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    reason = kernel.refuses(LinearCase("bf16", 1, 64, 64, "sym_int4"), choose_device("cpu"))
    module.why_not.cache_clear()
    assert reason == "auto-round-lib is not installed: pip install 'truetpot[auto-round]'"


@pytest.mark.vendors
def test_over_the_grid(vendor_wheel, tmp_path):
    with vendor_wheel("auto-round-lib==0.16.0") as wheel:
        wheel.extractall(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split("right: ")[1]) >= 20
