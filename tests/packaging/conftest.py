import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# All it takes to install the package and to check it.
CHECKOUT = (
    "LICENSE README.md Makefile constraints.txt pyproject.toml setup.py "
    "benchmarks kernels src tools"
)


@pytest.fixture
def checkout(tmp_path):
    """A copy of the checkout, to plant things in."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in CHECKOUT.split():
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, copy / name, ignore=ignore)
        else:
            shutil.copy(source, copy)
    return copy


@pytest.fixture
def environment(tmp_path):
    """The Python of a fresh environment: it has what this one has, but not truetpot.

    Installing torch anew would take a minute, so it looks into this environment through a .pth
    file. Those found there are not followed, and one of them is what an editable truetpot hangs on.
    """
    path = tmp_path / "environment"
    venv.create(path, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(path)}))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return path / "bin" / "python"


@pytest.fixture
def run(tmp_path):
    def run(*command, cwd=tmp_path, **variables):
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            # Without network: what builds the package is in this environment. (pip reads the
            # variable of an option --no-x as the value of x.)
            env={**os.environ, "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
