"""What goes into the panel dot beside the panels: which cases, and activations as it reads them."""

from __future__ import annotations

import torch
from truetpot.kernels._lib.numba.linear.panels import BLOCK, BLOCKED, FORMATS
from truetpot.kernels._lib.numba.linear.paths import Path

from truetpot.ops import LinearCase


def refuses(case: LinearCase) -> str | None:
    """Why the panels cannot hold the case's weight."""
    if case.weight_format not in FORMATS:
        return f"no panels for {case.weight_format}"
    if case.weight_format in BLOCKED and case.k % BLOCK:
        return f"{case.weight_format} needs k in blocks of {BLOCK}, not {case.k}"
    return None


class Activations:
    """One case's activations in the form that the panel dot reads."""

    def __init__(self, case: LinearCase, path: Path) -> None:
        self.case, self.prepare = case, path.prepare
        row, beside = path.row_bytes(case.k)
        self.strides = row // path.terms, beside // path.terms
        if self.prepare is not None:
            self.prepared = torch.empty(case.m * row, dtype=torch.uint8)
            self.beside = torch.empty(case.m * beside, dtype=torch.uint8)

    def of(self, x: torch.Tensor) -> tuple[int, int, int, int]:
        """Addresses of x as it is read and of what stands beside it; bytes between their rows."""
        if self.prepare is None:
            self.prepared = x.to(torch.float32)
            return self.prepared.data_ptr(), 0, *self.strides
        prepared, beside = self.prepared.data_ptr(), self.beside.data_ptr()
        self.prepare(x.data_ptr(), self.case.m, self.case.k, prepared, beside)
        return prepared, beside, *self.strides
