"""Fetch the vendors' wheels that tests read: `vendor_wheels.py` gets those that are missing.

They are read as archives and never installed. They lie in `.vendor-wheels/`, or in the folder that
TRUETPOT_VENDOR_WHEELS names.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("TRUETPOT_VENDOR_WHEELS") or ROOT / ".vendor-wheels")

WHEELS = (
    "ipex-llm==2.2.0",
    "ipex-llm==2.3.0b20251110",
    "bigdl-core-xe-all==2.6.0",
    "bigdl-core-xe-all==2.7.0b20251026",
    "auto-round-lib==0.16.0",
    "vllm-xpu-kernels==0.1.16.2",
)


def find(wheel: str) -> Path | None:
    """The file of `name==version`, if it is here."""
    name, version = wheel.split("==")
    found = sorted(FOLDER.glob(f"{name.replace('-', '_')}-{version}-*.whl"))
    return found[0] if found else None


def fetch(wheel: str) -> Path:
    """The same, downloaded where it is missing. bigdl-core-xe-all is there for Python 3.11 only."""
    if (path := find(wheel)) is None:
        options = ["--no-deps", "--only-binary=:all:", "--quiet"]
        if wheel.startswith("bigdl"):
            options.append("--python-version=3.11")
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(FOLDER), wheel]
        subprocess.run(command, check=True)
        path = find(wheel)
        assert path is not None, wheel
    return path


if __name__ == "__main__":
    for wheel in WHEELS:
        print(fetch(wheel).name)
