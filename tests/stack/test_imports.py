"""`truetpot library` and `predict` work where torch and numba cannot be imported."""

import subprocess
import sys

import pytest

from tests.real_files import DATA, real_file

BLOCKED = "import sys; sys.modules.update(torch=None, numba=None, triton=None); "


COMMANDS = {
    "library": (["library", real_file("llama_backend_ops.txt")], "arc-a770"),
    "predict": (["predict", "--tp", 4, "--library", DATA / "aiconfigurator"], "arc-pro-b60"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_without_torch(name):
    if name == "predict":
        pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'truetpot[library]'")
    args, card = COMMANDS[name]
    code = BLOCKED + "from truetpot.cli import main; main(sys.argv[1:])"
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=False
    )
    assert run.returncode in (0, 1), run.stderr
    assert card in run.stdout
