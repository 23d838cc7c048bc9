"""What every JSON record says about where and how it was made."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truetpot import __version__
from truetpot.files import write_whole
from truetpot.runtime.device import Device

SCHEMA_VERSION = 1
PACKAGES = (
    "torch", "numba", "llvmlite", "numpy", "triton", "pyopencl", "intel-opencl-rt", "ipex-llm",
    "bigdl-core-xe-all", "intel-extension-for-pytorch", "vllm-xpu-kernels", "auto-round-lib",
)
VARIABLES = (
    "TRUETPOT_", "NUMBA_", "OMP_", "MKL_", "KMP_", "GOMP_", "SYCL_", "ONEAPI_", "ZE_", "UR_",
    "NEO", "IPEX", "BIGDL_", "CCL_", "CUDA_VISIBLE", "PYTORCH_", "TRITON_", "OCL_", "USE_XETLA",
    "FI_", "I_MPI_", "NCCL_", "GLOO_", "TORCH_",
)
"""Prefixes of environment variables that change what is measured."""


def environment(device: Device) -> dict[str, Any]:
    """Software, variables, the device's identity, clock and state at this moment."""
    clock = device.clock()
    return {
        "truetpot": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "os": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := installed(name))},
        "variables": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith(VARIABLES)
        },
        "device": device.identity(),
        "clock": {"source": clock.source, "empty_pair_s": clock.empty_pair_s},
        "state": device.state(),
    }


def header(kind: str, device: Device) -> dict[str, Any]:
    """The fields that open a record of the given kind."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command(),
        "environment": environment(device),
        "partial": False,
    }


def command() -> str:
    """The command that repeats this run."""
    program = Path(sys.argv[0]).name
    name = "truetpot" if program in ("truetpot", "__main__.py") else program
    return shlex.join([name, *sys.argv[1:]])


def write(record: Mapping[str, Any], path: str | Path) -> None:
    """Write a record; ``-`` is standard output. Raises OutputError where it cannot be written."""
    text = json.dumps(record, indent=2, allow_nan=False)
    if str(path) == "-":
        print(text)
        return
    write_whole(path, f"{text}\n", "--json")


def installed(name: str) -> str | None:
    """Of a package as it is installed; None where it is not."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout this package runs from, marked if it has changes."""

    def git(*words: str) -> str:
        here = str(Path(__file__).resolve().parent)
        done = subprocess.run(
            ["git", "-C", here, *words], capture_output=True, text=True, timeout=5, check=True
        )
        return done.stdout.strip()

    try:
        # a checkout of something else around an installed package is not ours: this then fails
        git("ls-files", "--error-unmatch", __file__)
        head = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changed else head
