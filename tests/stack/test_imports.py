"""`truetpot library` and `predict` work where torch and numba cannot be imported."""

import subprocess
import sys

import pytest

from tests.real_files import real_file

BLOCKED = "import sys; sys.modules.update(torch=None, numba=None, triton=None); "


@pytest.mark.parametrize("args", [["library", real_file("llama_backend_ops.txt")]], ids=str)
def test_without_torch(args):
    code = BLOCKED + "from truetpot.cli import main; main(sys.argv[1:])"
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=False
    )
    assert run.returncode in (0, 1), run.stderr
    assert "arc-a770" in run.stdout
