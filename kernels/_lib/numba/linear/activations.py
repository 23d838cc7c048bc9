"""What goes into the panel dot beside the panels: which cases, and activations as it reads them."""

from __future__ import annotations

import torch
from truetpot.kernels._lib.numba.linear.panels import BLOCK, by_dot, prepare_int4, terms

from truetpot.ops import LinearCase
from truetpot.runtime.simd import LOADS


def refuses(case: LinearCase) -> str | None:
    """Why the panels cannot hold the case's weight."""
    if case.weight_format != "sym_int4" and case.weight_format not in LOADS:
        return f"no panels for {case.weight_format}"
    if case.weight_format == "sym_int4" and case.k % BLOCK:
        return f"sym_int4 needs k in blocks of {BLOCK}, not {case.k}"
    return None


class Activations:
    """One case's activations in the form that the panel dot reads, and its panel counter."""

    def __init__(self, case: LinearCase) -> None:
        self.case = case
        self.next = torch.zeros(1, dtype=torch.int64)
        self.blocked = case.weight_format == "sym_int4"
        if self.blocked:
            count = case.m * terms(case.weight_format, case.dtype)
            dtype = torch.bfloat16 if by_dot("sym_int4", case.dtype) else torch.float32
            self.columns = torch.empty((count, case.k), dtype=dtype)
            self.offsets = torch.empty((count, case.k // BLOCK), dtype=torch.float32)
            self.prepare = prepare_int4(case.dtype)

    def of(self, x: torch.Tensor) -> tuple[int, int, int]:
        """Address of the columns, bytes between them, address of the offsets."""
        case = self.case
        if not self.blocked:
            self.columns = x.to(torch.float32)
            return self.columns.data_ptr(), 4 * case.k, 0
        columns, offsets = self.columns.data_ptr(), self.offsets.data_ptr()
        self.prepare(x.data_ptr(), case.m, case.k, columns, offsets)
        return columns, case.k * self.columns.element_size(), offsets
