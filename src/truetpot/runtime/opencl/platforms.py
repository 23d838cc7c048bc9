"""Which OpenCL devices there are, and which of them a name means."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import read_bytes
from truetpot.runtime.ask import ask, told

NAME = re.compile(r"opencl(?::(.+))?")
_BY_KIND = re.compile(r"(gpu|cpu)(?::(\d+))?")
_VENDORS = "OCL_ICD_VENDORS"
_SYSTEM_VENDORS = Path("/etc/OpenCL/vendors")


@cache
def load() -> Any:
    """The module ``pyopencl``, seeing the system's drivers and a CPU runtime installed by pip.

    Raises ImportError where pyopencl is not installed.
    """
    # this package keeps what it compiles itself: in pyopencl's cache a killed process blocks others
    os.environ.setdefault("PYOPENCL_NO_CACHE", "1")
    import pyopencl

    return pyopencl


@cache
def devices() -> dict[str, Any]:
    """Every OpenCL device by name (``opencl:gpu:0``), GPUs first, the best of a kind first.

    Better is what offers Intel's sub-groups, then what has memory of its own. Empty without any,
    and without /proc: a CPU runtime that finds no memory there aborts the process.
    """
    if _no_proc():
        return {}
    try:
        cl = load()
    except ImportError:
        return {}
    with _vendors():
        platforms = ask(cl.get_platforms) or []  # PLATFORM_NOT_FOUND_KHR: no driver
        # a platform that fails, as one may that this user cannot open, must not hide the others
        everything = [d for platform in platforms for d in ask(platform.get_devices) or []]
    found: dict[str, Any] = {}
    for kind in ("gpu", "cpu"):
        here = [device for device in everything if is_kind(device, kind)]
        here.sort(key=lambda d: ("cl_intel_subgroups" not in extensions(d), in_host_memory(d)))
        found |= {f"opencl:{kind}:{i}": device for i, device in enumerate(here)}
    return found


def is_kind(device: Any, kind: str) -> bool:
    """Whether it is a ``gpu`` or a ``cpu``."""
    return bool((told(device, "type") or 0) & getattr(load().device_type, kind.upper()))


def extensions(device: Any) -> list[str]:
    """Their names; none where the driver does not tell."""
    return str(told(device, "extensions") or "").split()


def in_host_memory(device: Any) -> bool:
    """Whether its memory is the host's. OpenCL 2.0 took the query back: then a CPU's is."""
    unified = told(device, "host_unified_memory")
    return is_kind(device, "cpu") if unified is None else bool(unified)


def words(source: Any, what: str) -> str | None:
    """What a driver says of a device or platform; None where it says nothing."""
    return str(told(source, what) or "").strip() or None


def name(device: Any) -> str:
    """As the driver calls it."""
    return words(device, "name") or "unknown OpenCL device"


def describe(device: Any) -> str:
    """Device and platform, as a driver calls them."""
    return f"{name(device)} ({words(told(device, 'platform'), 'name') or 'unknown platform'})"


def _searched(device: Any) -> str:
    return f"{describe(device)} {told(told(device, 'platform'), 'vendor') or ''}".lower()


def find(name: str) -> tuple[str, Any]:
    """What ``opencl:gpu``, ``opencl:cpu:1`` or ``opencl:a770`` means: its full name and device.

    Raises UserError, which lists what there is.
    """
    known = _known()
    given = NAME.fullmatch(name)
    what = given[1] if given is not None else None
    if what is None:
        return next(iter(known.items()))
    if by_kind := _BY_KIND.fullmatch(what):
        full = f"opencl:{by_kind[1]}:{by_kind[2] or 0}"
        if full in known:
            return full, known[full]
        why = _no_gpu() if by_kind[1] == "gpu" else _no_pip_runtime()
        raise UserError(f"There is no OpenCL device {full}; there are {_listed(known)}.{why}")
    fitting = {n: d for n, d in known.items() if what.lower() in _searched(d)}
    if len(fitting) == 1:
        return next(iter(fitting.items()))
    if not fitting:
        raise UserError(f"No OpenCL device is called {what!r}; there are {_listed(known)}.")
    raise UserError(f"{what!r} names several OpenCL devices: {_listed(fitting)}; give a number.")


def _known() -> dict[str, Any]:
    try:
        load()
    except ImportError as error:
        raise UserError(
            f"OpenCL needs pyopencl ({error}); pip install 'truetpot[opencl]'."
        ) from None
    if known := devices():
        return known
    if _no_proc():
        raise UserError("OpenCL's CPU runtimes need /proc, which is not mounted; mount it.")
    raise UserError(
        "No OpenCL driver was found: install intel-opencl-icd for an Intel GPU, or pip install "
        f"intel-opencl-rt for a CPU.{_no_pip_runtime()}"
    )


def _no_proc() -> bool:
    return sys.platform == "linux" and not Path("/proc/meminfo").exists()


def _listed(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {describe(device)}" for name, device in found.items())


def _no_gpu() -> str:
    """A word for those whose card is there and whose driver is not."""
    nodes = [*Path("/dev/dri").glob("renderD*")] if Path("/dev/dri").is_dir() else []
    if any(name.startswith("opencl:gpu") for name in devices()) or not nodes:
        return ""
    if not any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        return f" This user may not open {nodes[0]}: join the group render."
    return " There is a GPU in /dev/dri: its OpenCL driver, intel-opencl-icd, may be missing."


def _no_pip_runtime() -> str:
    """Why the CPU runtime that pip installed does not load, in the system's own words."""
    if (library := _pip_runtime()) is None:
        return ""
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return f" intel-opencl-rt is installed and does not load: {error}."
    return ""


@contextmanager
def _vendors() -> Iterator[None]:
    """Within it, OpenCL's loader sees a pip-installed CPU runtime beside the system's drivers.

    The wheel intel-opencl-rt registers itself in the environment's own ``etc``, where no loader
    looks, under a path of its builder's. The variable is unset again: what another program finds is
    not ours to change. One that the user has set is left alone.
    """
    library = _pip_runtime()
    if library is None or _VENDORS in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="truetpot-opencl-") as name:
        folder = Path(name)
        for icd in _SYSTEM_VENDORS.glob("*.icd"):
            with suppress(UserError):  # one that cannot be read is none to the loader either
                (folder / icd.name).write_bytes(read_bytes(icd, "the name of an OpenCL driver"))
        (folder / "truetpot-intel-cpu.icd").write_text(f"{library}\n")
        os.environ[_VENDORS] = name
        try:
            yield
        finally:
            del os.environ[_VENDORS]


def _pip_runtime() -> Path | None:
    """The CPU runtime's library, where pip put it."""
    try:
        files = importlib.metadata.files("intel-opencl-rt") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next(
        (Path(str(f.locate())).resolve() for f in files if f.name == "libintelocl.so"), None
    )
