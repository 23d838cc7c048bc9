"""Which device a name means. A library is imported only for a device of its own."""

from __future__ import annotations

import importlib.util
import re
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.facts.hardware import all_hardware
from truetpot.facts.kinds import accelerators
from truetpot.runtime.ask import ask, told
from truetpot.runtime.device import Device
from truetpot.runtime.group import ALONE, Group
from truetpot.text import meant, one_line


def names() -> tuple[str, ...]:
    """What a device can be called, without a look at which are here: that takes torch seconds."""
    return ("auto", "cpu", *accelerators(), "opencl:gpu", "opencl:cpu")


def present() -> list[str]:
    """Names of the devices that this process can use, the best first.

    An OpenCL GPU with memory of its own comes before the CPU, an integrated one after it.
    """
    from truetpot.runtime.opencl.platforms import devices, in_host_memory

    here = devices()
    cards = [name for name, device in here.items() if not in_host_memory(device)]
    others = [name for name in here if name not in cards]
    cpu = [] if _torch() is None else ["cpu"]
    return [*_accelerators(), *cards, *cpu, *others]


def choose_device(name: str = "auto", group: Group = ALONE) -> Device:
    """``auto`` is the first of :func:`present`; ``xpu`` means ``xpu:0``, ``opencl`` its best.

    ``group`` are the ranks that it is one of. Kernels of a library that has one device at a time
    launch on it from then on. Raises UserError for an unknown name and for a device that is not
    there.
    """
    device = _chosen(name)
    device.group = group
    return device


def _chosen(name: str) -> Device:
    if name == "auto":
        name = best()
    if name == "opencl" or name.startswith("opencl:"):
        from truetpot.runtime.opencl.device import OpenClDevice

        return OpenClDevice(name)
    match = _of_torch(name)
    torch = _torch()
    if torch is None:
        raise UserError(
            f"{name} needs torch, which {_why_no_torch()}: pip install 'truetpot[torch]', or use "
            "opencl:gpu or opencl:cpu, which do without."
        )
    if match[1]:
        from truetpot.runtime.cpu import CpuDevice

        return CpuDevice()
    from truetpot.runtime.accelerator import AcceleratorDevice

    kind, index = match[2], int(match[3] or 0)
    if f"{kind}:{index}" not in _accelerators():
        raise UserError(
            f"{kind}:{index} is not on this machine (torch {torch.__version__} sees "
            f"{', '.join([*_accelerators(), 'cpu'])}); choose one of these or install the torch "
            f"build for {kind}."
        )
    device = AcceleratorDevice(kind, index)
    device.use()
    return device


def check_name(name: str) -> None:
    """Raise UserError for what names no device anywhere; no device is looked for."""
    if name not in ("auto", "opencl") and not name.startswith("opencl:"):
        _of_torch(name)


def _of_torch(name: str) -> re.Match[str]:
    """``cpu``, or a kind of torch's devices and its index. Raises UserError for anything else."""
    match = re.fullmatch(rf"(cpu)|({'|'.join(accelerators())})(?::(\d+))?", name)
    if match is None:
        near = meant(name, names())
        if meant(name, all_hardware()):
            near = " (a card's name is for floor and check: an Arc card is xpu, NVIDIA's cuda)"
        raise UserError(
            f"There is no device named {name!r}{near}; use auto, cpu, "
            f"{', '.join(f'{kind}[:i]' for kind in accelerators())}, opencl:gpu[:i], "
            "opencl:cpu[:i] or opencl:NAME."
        )
    return match


def best() -> str:
    """The first of :func:`present`, without a look at OpenCL where there is no GPU for it."""
    if accelerators := _accelerators():
        return accelerators[0]
    if _torch() is not None and not any(Path("/dev/dri").glob("renderD*")):
        return "cpu"
    if here := present():
        return here[0]
    raise UserError(
        "There is no device: pip install 'truetpot[torch]', or 'truetpot[opencl]' and an OpenCL "
        "driver."
    )


def _accelerators() -> list[str]:
    """By kind and index, but the processor's own graphics behind the cards."""
    torch = _torch()
    found = [
        (bool(ask(partial(_integrated, api, index))), f"{kind}:{index}")
        for kind in accelerators()
        if (api := getattr(torch, kind, None)) is not None and ask(api.is_available)
        for index in range(ask(api.device_count) or 0)
    ]
    return [name for _, name in sorted(found, key=itemgetter(0))]


def _integrated(api: Any, index: int) -> Any:
    return told(api.get_device_properties(index), "is_integrated_gpu", "is_integrated")


def _why_no_torch() -> str:
    """In a clause; a torch that is there may lack a library, or memory to load its own."""
    if importlib.util.find_spec("torch") is None:
        return "is not installed"
    try:
        importlib.import_module("torch")
    except ImportError as error:
        return f"does not load ({one_line(str(error))})"
    return "did not load"


def _torch() -> Any | None:
    try:
        import torch
    except ImportError:
        return None
    return torch
