"""``argmax`` in OpenCL C: work-groups take parts of a row, a second launch takes the parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import ARGMAX, ArgmaxCase
from truetpot.ops.registry import Config, register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target

ITEMS = 256
EACH = (4, 2, 8)
"""Loads of a work-item; the first is the default."""


def _width(case: ArgmaxCase) -> int:
    """Elements of a load."""
    return 4 if case.vocab % 4 == 0 else 1


@register(ARGMAX, provider="opencl", devices=("opencl",))
class OpenClArgmax(OpenClKernel):
    """logits [m, vocab]; out int64 [m], the lowest index of a tie."""

    half = False

    def __init__(self, case: ArgmaxCase, device: OpenClDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        loads = case.vocab // _width(case)
        self.parts = -(-loads // (ITEMS * config.get("each", EACH[0])))
        self.best = self.empty(case.m, self.parts, dtype=np.float32)
        self.where = self.empty(case.m, self.parts, dtype=np.int32)

    @classmethod
    def builds(cls, case: ArgmaxCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """Two kernels of one source."""
        macros: dict[str, int | str | float] = {
            "DTYPE": case.dtype,
            "ITEMS": ITEMS,
            "WIDTH": _width(case),
            "EACH": config.get("each", EACH[0]),
        }
        return tuple(
            Build("argmax/argmax.cl", function, macros, f"{case.dtype} {function}")
            for function in ("parts", "largest")
        )

    @classmethod
    def configs(cls, case: ArgmaxCase, device: Device) -> Iterable[Config]:
        """Numbers of loads that a work-item has."""
        return ({"each": n} for n in EACH)

    def __call__(self, *, logits: OpenClArray) -> OpenClArray:
        """Two launches."""
        m, vocab = self.case.m, self.case.vocab
        out = self.empty(m, dtype=np.int64)
        parts, largest = self.functions
        parts((self.parts * ITEMS, m), (ITEMS, 1), logits, self.best, self.where, vocab)
        largest((m * ITEMS,), (ITEMS,), self.best, self.where, out, self.parts, vocab)
        return out
