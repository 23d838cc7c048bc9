"""How many registers a thread of an Intel GPU has: ``grf_mode``, an option of Triton's XPU backend.

Not given, or ``default``, it is 128, and the backend makes a kernel that spills anew with 256: its
driver does so beyond 1000 bytes (triton-xpu 3.3.0b1, ``driver.c``), later ones beyond some slots a
lane. With 256 half as many threads are resident. The mode has been named ``large`` and, in later
releases, ``256``, and the older take the other name for no mode at all, without a word. So the
installed backend is asked which of them it knows.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache

from truetpot.ops.registry import Config
from truetpot.runtime.device import Device

MODE = "grf_mode"
USUAL, LARGE = "default", ("256", "large")
"""Names of the mode with 256 registers, the later one first."""


def modes(device: Device) -> Iterable[Config]:
    """What the parameter may be, the default first; only on an Intel GPU whose backend has it."""
    name = _large() if device.kind == "xpu" else None
    return ({},) if name is None else ({MODE: USUAL}, {MODE: name})


@cache
def _large() -> str | None:
    """The installed backend's name of the mode; None where it has none, or is not there."""
    try:
        from triton.backends.intel import compiler
    except ImportError:
        return None
    return known(inspect.getsource(compiler))


def known(source: str) -> str | None:
    """Which name a backend's source compares the option with."""
    return next((name for name in LARGE if f"{MODE} == '{name}'" in source), None)
