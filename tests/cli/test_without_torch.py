"""The commands that ask no device, without torch and on a system that is no POSIX one."""

import json
import subprocess
import sys

import pytest

from tests.real_files import DATA, real_file

POSIX = ("fcntl", "grp", "pwd", "resource", "termios")
BLOCKED = """
import sys
for name in ("torch", "triton", "pyopencl", *{posix}):
    sys.modules[name] = None
from truetpot.cli import main
sys.platform = {platform!r}
sys.argv[0] = "truetpot"
main()
"""


def run(*args, platform=sys.platform, posix=POSIX):
    code = BLOCKED.format(posix=posix, platform=platform)
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


FILES = {
    "check": (real_file("llama_bench_tables.md"), "--model", "qwq-32b"),
    "floor": ("--model", "qwq-32b", "--device", "arc-a770"),
    "library": (real_file("llama_backend_ops.txt"),),
    "predict": ("--tp", 4, "--library", DATA / "aiconfigurator"),
    "trace": (real_file("unitrace_gemm_fp16_bytes.1799860.txt"),),
}


@pytest.mark.parametrize("command", FILES)
def test_it_works(command):
    if command == "predict":
        pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'truetpot[library]'")
    done = run(command, *FILES[command], "--json", "-")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["kind"] == command


def test_prompts_are_made_there():
    pytest.importorskip("tokenizers")
    done = run("prompts", "--help")
    assert done.returncode == 0, done.stderr


def test_records_are_drawn_there(tmp_path):
    page = tmp_path / "page.html"
    done = run("report", DATA / "made" / "records" / "decode-h200.json", "--html", page)
    assert done.returncode == 0, done.stderr
    assert page.read_text().count('<g class="mark">') == 5


def test_what_needs_torch_says_how_it_comes():
    done = run("decode", "--device", "cpu", posix=())
    assert done.returncode == 2
    assert "pip install 'truetpot[torch]'" in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", ["decode", "kernels", "validate"])
def test_what_needs_linux_says_so_on_windows(command):
    done = run(command, platform="win32")
    assert done.returncode == 2
    assert done.stderr.startswith(f"truetpot: {command} runs on Linux, and this is Windows; here ")
    assert "check" in done.stderr
