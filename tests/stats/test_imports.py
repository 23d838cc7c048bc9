"""What needs no device works where torch and numba cannot be imported."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys
for name in ("torch", "numba", "llvmlite", "triton", "pyopencl", "fcntl", "resource", "termios"):
    sys.modules[name] = None
"""


PACKAGES = ["stats", "facts", "records", "ladder", "fleet", "files", "text"]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_device_library_and_nothing_of_one_operating_system(package):
    code = (
        f"{BLOCKED}\nimport importlib, pkgutil\n"
        f"package = importlib.import_module('truetpot.{package}')\n"
        "paths = getattr(package, '__path__', [])\n"
        "for one in pkgutil.walk_packages(paths, package.__name__ + '.'):\n"
        "    if not one.name.endswith('__main__'):\n"
        "        importlib.import_module(one.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
