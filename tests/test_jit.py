"""numba's cache, where it can be kept and where it cannot."""

import subprocess
import sys

MODULE = """
from truetpot.jit import njit

@njit(cache=True)
def double(x):
    return x + x

print(double(21))
"""


def run(tmp_path, code="import twice", **environment):
    (tmp_path / "twice.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "42\n"
    return done.stderr


def test_it_is_kept(tmp_path):
    folder = tmp_path / "kept"
    assert run(tmp_path, NUMBA_CACHE_DIR=str(folder)) == ""
    assert [*folder.rglob("*.nbi")]
    assert run(tmp_path, NUMBA_CACHE_DIR=str(folder)) == ""


def test_a_full_disk(tmp_path):
    """The folder can be written, what is put there cannot."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); import twice"
    said = run(tmp_path, code, NUMBA_CACHE_DIR=str(tmp_path / "kept"))
    assert said.count("cannot be kept") == 1
    assert "Traceback" not in said


def test_a_switched_off_compiler(tmp_path):
    assert run(tmp_path, NUMBA_DISABLE_JIT="1") == ""
