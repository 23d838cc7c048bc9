"""What a serving figure is held against: a floor or a measured ladder, in plain numbers.

The ladder fills it in; serving itself knows neither devices nor kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Yardstick:
    """Seconds of one decode step by context and batch, from below and, if measured, as it was."""

    what: str
    """``qwq-32b fp8_e5m2 on 4 x Intel Arc A770``"""
    floor_s: Callable[[float, float], float]
    """``(context, batch)``: no step can take less (rung ``spec``)."""
    floor_from: str
    """In words: ``31.98 GB / (4 x 560 GB/s)``."""
    step_s: Callable[[float, float], float] | None = None
    """``(context, batch)``: the measured step, carried to another context or batch by the bytes."""
    step_from: str = ""
    step_batch: int = 1
    """The batch that ``step_s`` was measured at."""
    weight_format: str = ""
    tp: int = 1
    devices: str = ""
