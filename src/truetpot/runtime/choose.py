"""Which device a name means."""

from __future__ import annotations

import re

import torch

from truetpot.errors import UserError
from truetpot.runtime.accelerator import AcceleratorDevice
from truetpot.runtime.cpu import CpuDevice
from truetpot.runtime.device import Device

_ACCELERATORS = ("xpu", "cuda")


def present() -> list[str]:
    """Names of the devices that this process can use, the best first."""
    found = [
        f"{kind}:{index}"
        for kind in _ACCELERATORS
        if (api := getattr(torch, kind, None)) is not None and api.is_available()
        for index in range(api.device_count())
    ]
    return [*found, "cpu"]


def choose_device(name: str = "auto") -> Device:
    """``auto`` is the first of :func:`present`; ``xpu`` means ``xpu:0``.

    Raises UserError for an unknown name and for a device that is not there.
    """
    devices = present()
    if name == "auto":
        name = devices[0]
    if name == "cpu":
        return CpuDevice()
    match = re.fullmatch(r"(xpu|cuda)(?::(\d+))?", name)
    if match is None:
        raise UserError(f"There is no device named {name!r}; use auto, cpu, xpu[:i] or cuda[:i].")
    kind, index = match[1], int(match[2] or 0)
    if f"{kind}:{index}" not in devices:
        raise UserError(
            f"{kind}:{index} is not on this machine (torch {torch.__version__} sees "
            f"{', '.join(devices)}); choose one of these or install the torch build for {kind}."
        )
    return AcceleratorDevice(kind, index)
