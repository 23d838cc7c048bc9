"""Versions of the compute stack: system packages, drivers' libraries, Python distributions."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truetpot.doctor.files import table
from truetpot.doctor.libraries import level_zero_driver, opencl_drivers, version_of
from truetpot.files import read_attribute


@dataclass(frozen=True)
class Software:
    """What was found; nothing is loaded to find it."""

    system: Mapping[str, str]
    """What it is: package and version, from dpkg's list. Other package managers are not asked."""
    level_zero: str | None
    """Version of Intel's Level Zero driver, from its library's file name; its path without one."""
    opencl: tuple[str, ...]
    """Libraries that the OpenCL loader would open."""
    python: Mapping[str, str]


def find_software(root: Path, environment: Mapping[str, str]) -> Software:
    """Read below `root`; Python distributions are those of this environment."""
    known = table("software.toml")
    packages = _dpkg(root)
    system = {
        what: f"{name} {packages[name]}"
        for what, names in known["system"].items()
        for name in names
        if name in packages
    }
    driver = level_zero_driver(root, environment)
    return Software(
        system=system,
        level_zero=None if driver is None else version_of(driver) or str(driver),
        opencl=opencl_drivers(root, environment),
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


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
