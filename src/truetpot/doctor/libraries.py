"""Where the loaders of Level Zero and OpenCL look for drivers, and what they find there.

Level Zero: source/loader/linux/driver_discovery_lin.cpp of level-zero and the dynamic linker behind
it. OpenCL: /etc/OpenCL/vendors, or what ``OCL_ICD_VENDORS`` and ``OCL_ICD_FILENAMES`` name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from truetpot.files import read_attribute

_LEVEL_ZERO = "libze_intel_gpu.so.1"
"""libze_intel_gpu_legacy1.so.1 beside it drives integrated GPUs up to Gen11, and no card."""
_GPU_DRIVER = re.compile(r"libze_intel_gpu\.so")
_FOLDERS = (
    "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "usr/lib64", "lib", "usr/lib",
    "usr/local/lib",
)  # fmt: skip


def level_zero_driver(root: Path, environment: Mapping[str, str]) -> Path | None:
    """Intel's GPU driver as the loader finds it; None where it finds none.

    ``ZE_ENABLE_ALT_DRIVERS`` names all that is opened: with a driver of something else in it, the
    GPU's is not.
    """
    given = environment.get("ZE_ENABLE_ALT_DRIVERS")
    names = given.split(",") if given else [_LEVEL_ZERO]
    wanted = (name for name in names if _GPU_DRIVER.search(name))
    found = (_library(name, root, environment) for name in wanted)
    return next((path for path in found if path is not None), None)


def version_of(library: Path) -> str | None:
    """From the name of the file behind it: ``libze_intel_gpu.so.1.6.33578``."""
    return library.resolve().name.partition(".so.")[2] or None


def opencl_drivers(root: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the libraries that the OpenCL loader opens."""
    named = environment.get("OCL_ICD_FILENAMES", "").split(":")
    vendors = environment.get("OCL_ICD_VENDORS")
    icds = root / "etc/OpenCL/vendors" if not vendors else _below(root, vendors)
    registered = [icds] if icds.suffix == ".icd" else sorted(icds.glob("*.icd"))
    listed = (read_attribute(icd) for icd in registered)
    return tuple(Path(library).name for library in (*named, *listed) if library)


def _library(name: str, root: Path, environment: Mapping[str, str]) -> Path | None:
    if "/" in name:
        path = _below(root, name)
        return path if path.exists() else None
    given = environment.get("LD_LIBRARY_PATH", "").split(":")
    if prefix := environment.get("CONDA_PREFIX"):  # its programs look there by their own path
        given.append(f"{prefix}/lib")
    folders = [_below(root, folder) for folder in given if folder]
    folders += [*_configured(root), *(root / folder for folder in _FOLDERS)]
    return next((folder / name for folder in folders if (folder / name).exists()), None)


def _configured(root: Path, name: str = "/etc/ld.so.conf", depth: int = 0) -> Iterator[Path]:
    """Folders of the dynamic linker's configuration, and of the files that it includes."""
    for line in (read_attribute(_below(root, name)) or "").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["include"] and depth < 4:
            for pattern in words[1:]:
                below = pattern.lstrip("/") if pattern.startswith("/") else f"etc/{pattern}"
                for file in sorted(root.glob(below)):
                    yield from _configured(root, str(file.relative_to(root)), depth + 1)
        elif words and words[0] != "include":
            yield _below(root, words[0])


def _below(root: Path, path: str) -> Path:
    """A path of the machine whose files are below `root`."""
    return root / path.lstrip("/")
