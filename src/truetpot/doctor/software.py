"""Versions of the compute stack: system packages, drivers' libraries, Python distributions."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truetpot.doctor.files import table
from truetpot.files import read_attribute

_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib")


@dataclass(frozen=True)
class Software:
    """What was found; nothing is loaded to find it."""

    system: Mapping[str, str]
    """What it is: package and version, from dpkg's list. Other package managers are not asked."""
    level_zero: str | None
    """Version of Intel's Level Zero driver, from its library's file name."""
    opencl: tuple[str, ...]
    """Libraries that the OpenCL loader would open, from ``/etc/OpenCL/vendors``."""
    python: Mapping[str, str]


def find_software(root: Path = Path("/")) -> Software:
    """Read below `root`; Python distributions are those of this environment."""
    known = table("software.toml")
    packages = _dpkg(root)
    system = {
        what: f"{name} {packages[name]}"
        for what, names in known["system"].items()
        for name in names
        if name in packages
    }
    icds = sorted((root / "etc/OpenCL/vendors").glob("*.icd"))
    return Software(
        system=system,
        level_zero=_level_zero(root),
        opencl=tuple(Path(library).name for icd in icds if (library := read_attribute(icd))),
        python={name: found for name in known["python"]["names"] if (found := _version(name))},
    )


def _dpkg(root: Path) -> dict[str, str]:
    """Installed packages and their versions."""
    found = {}
    for entry in (read_attribute(root / "var/lib/dpkg/status") or "").split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in entry.splitlines()
            if ": " in line and not line.startswith(" ")
        )
        if fields.get("Status", "").endswith(" installed"):
            found[fields.get("Package", "")] = fields.get("Version", "")
    return found


def _level_zero(root: Path) -> str | None:
    for folder in _LIBRARIES:
        link = root / folder / "libze_intel_gpu.so.1"
        if link.exists():
            return link.resolve().name.partition(".so.")[2] or None
    return None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
