"""Whether two packed weights are interchangeable, whoever packed them."""

from __future__ import annotations

from typing import Any

import numpy as np

from truetpot.runtime.device import Device


def same(device: Device, a: Any, b: Any) -> bool:
    """Whether two packed weights are interchangeable: same structure, same layout, same bits.

    False for anything whose content is not known here.
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and same_bits(a, b)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(same(device, x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(device, a[name], b[name]) for name in a)
    plain = isinstance(a, int | float | str | None)
    return bool(a == b) if plain else device.alike(a, b)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal, NaN to NaN included."""
    first, second = (np.ascontiguousarray(x).reshape(-1).view(np.uint8) for x in (a, b))
    return np.array_equal(first, second)
