"""Launches that begin before the one ahead of them has ended, where a device has them.

NVIDIA calls it programmatic dependent launch (Hopper and later). It hides what a launch costs, half
a microsecond: the next one's programs are in their places when the last one of this ends.

It is a launch parameter, ``EARLY``; off, a kernel is the same plain Triton on every device. Which
kernels have it on by default was found on an H200 (docs/performance/h200.md). On, a kernel calls
:func:`begin` before it touches what any other one writes or reads, and so has seen the end of all
before it when it ends: early and plain launches mix. :func:`end` lets the next launch in. Where
programs fill the device that is best done late: a multiprocessor that has room early would get more
than its share of the next launch's programs (int4 down, called at the start: 24.8 to 38.2 us on an
H200).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import triton
import triton.language as tl
from truetpot.kernels._lib.triton.registers import modes

from truetpot.ops.registry import Config
from truetpot.runtime.ask import ask
from truetpot.runtime.device import Device

try:
    from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait
except ImportError:  # a Triton without that backend
    gdc_launch_dependents = gdc_wait = None

HOPPER = (9, 0)


def able(device: Device) -> bool:
    """Whether the device has such launches."""
    if device.kind != "cuda" or gdc_wait is None or torch.version.cuda is None:
        return False
    capability = ask(lambda: torch.cuda.get_device_capability(device.torch))
    return capability is not None and capability >= HOPPER


def choices(device: Device, usual: int = 1) -> Iterable[Config]:
    """What the parameter may be, ``usual`` first where the device can: to join a kernel's others.

    With it goes what else a launch can be given on the device: :mod:`.registers`.
    """
    early = (usual, 1 - usual) if able(device) else (0,)
    return tuple({"EARLY": one, **mode} for one in early for mode in modes(device))


def options(early: int) -> dict[str, Any]:
    """What goes into the launch; Triton of another device knows no ``launch_pdl``."""
    return {"EARLY": early, **({"launch_pdl": True} if early else {})}


@triton.jit
def begin(EARLY: tl.constexpr) -> None:
    """From here on the launches before are through, and what they wrote is there."""
    if EARLY:
        gdc_wait()


@triton.jit
def end(EARLY: tl.constexpr) -> None:
    """The next launch may take places, once every program has come here."""
    if EARLY:
        gdc_launch_dependents()
