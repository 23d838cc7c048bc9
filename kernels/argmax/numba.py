"""``argmax`` on the CPU: each thread scans a share of the row, then the shares are compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import get_num_threads, njit, prange

from truetpot.ops import ARGMAX, ArgmaxCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device

_SIZE = {"fp32": 4, "fp16": 2, "bf16": 2}


@register(ARGMAX, provider="numba", devices=("cpu",))
class NumbaArgmax(Kernel):
    """The lowest index of the largest logit."""

    def __init__(self, case: ArgmaxCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.run = argmax(case.dtype)
        self.best = torch.empty((case.m, get_num_threads()), dtype=torch.int64)

    def __call__(self, *, logits: torch.Tensor) -> torch.Tensor:
        case = self.case
        out = torch.empty(case.m, dtype=torch.int64)
        self.run(logits.data_ptr(), out.numpy(), self.best.numpy(), case.m, case.vocab)
        return out


@cache
def argmax(dtype: str) -> Callable[..., Any]:
    """njit ``(logits, out int64 [m], best int64 [m, parts], m, vocab)``."""
    load, size = simd.load_some(dtype), _SIZE[dtype]
    largest, maximum, splat = simd.reduce_max, simd.maximum, simd.splat
    first_lane = simd.first_lane
    lowest = np.float32(-np.inf)

    @njit(boundscheck=False)
    def logit(address):  # type: ignore[no-untyped-def]
        return first_lane(load(address, 1))

    @njit(boundscheck=False)
    def scan(row, first, last):  # type: ignore[no-untyped-def]
        """Whole vectors find the share's maximum; the first vector that holds it has the index."""
        top = splat(lowest)
        i = first
        while i + 16 <= last:
            top = maximum(load(row + i * size, 16), top)
            i += 16
        best = largest(top)
        for j in range(i, last):
            best = max(best, logit(row + j * size))
        for j in range(first, last):
            if logit(row + j * size) == best:
                return j
        return first

    @njit(parallel=True, boundscheck=False)
    def run(logits, out, best, m, vocab):  # type: ignore[no-untyped-def]
        parts = best.shape[1]
        for item in prange(m * parts):
            row, part = item // parts, item % parts
            first, last = part * vocab // parts, (part + 1) * vocab // parts
            best[row, part] = scan(logits + row * vocab * size, first, last)
        for row in range(m):
            at = logits + row * vocab * size
            winner = best[row, 0]
            for part in range(1, parts):
                # an empty share repeats the next one's first index, or the end: skip the end
                candidate = best[row, part]
                if candidate < vocab and logit(at + candidate * size) > logit(
                    at + winner * size
                ):
                    winner = candidate
            out[row] = winner

    return run
