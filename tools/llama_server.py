"""Build llama.cpp's server from the source that PyPI has: `llama_server.py`, once, into `.llama`.

llama-cpp-python's source has llama.cpp's in it. Needs cmake and a C++ compiler; two cores take six
minutes. TRUETPOT_LLAMA names another folder.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

RELEASE = "llama-cpp-python==0.3.36"
"""Its vendor/llama.cpp is ggml-org/llama.cpp@0c1e57098."""
FOLDER = Path(os.environ.get("TRUETPOT_LLAMA") or Path(__file__).resolve().parents[1] / ".llama")
OPTIONS = (
    "CMAKE_BUILD_TYPE=Release", "BUILD_SHARED_LIBS=OFF", "LLAMA_BUILD_TESTS=OFF",
    "LLAMA_BUILD_EXAMPLES=OFF", "LLAMA_BUILD_APP=OFF", "LLAMA_USE_PREBUILT_UI=OFF",
    "LLAMA_OPENSSL=OFF", "LLAMA_ALL_WARNINGS=OFF", "GGML_LLAMAFILE=OFF",
)  # fmt: skip


def main() -> None:
    """Leaves the program alone where it was built from this release."""
    program, stamp = FOLDER / "bin" / "llama-server", FOLDER / "release"
    if program.exists() and stamp.exists() and stamp.read_text() == RELEASE:
        return
    for tool in ("cmake", "c++"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: on Debian or Ubuntu, apt install cmake g++.")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary",
                "llama-cpp-python", "--dest", folder, RELEASE,
            ],
            check=True,
        )  # fmt: skip
        (source,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        (root,) = Path(folder).glob("*/vendor/llama.cpp")
        build = Path(folder) / "build"
        subprocess.run(["cmake", "-S", root, "-B", build, *(f"-D{o}" for o in OPTIONS)], check=True)
        jobs = str(len(os.sched_getaffinity(0)))
        subprocess.run(
            ["cmake", "--build", build, "--target", "llama-server", "-j", jobs], check=True
        )
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(build / "bin" / "llama-server", program)
    stamp.write_text(RELEASE)


if __name__ == "__main__":
    main()
