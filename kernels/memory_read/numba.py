"""``memory_read`` on the CPU: a family of plain vector loads that differ in how they walk.

``streams`` is how many places of its share a thread reads in turn, ``ahead`` how far in front of
the load a line is prefetched (0: left to the hardware), ``parts`` how many shares a thread has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import get_num_threads, njit, prange

from truetpot.ops import MEMORY_READ, MemoryReadCase
from truetpot.ops.memory_read import GRANULE
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device

_STEP = 256
"""Bytes of one stream read at a time: four vectors, four sums."""


@register(MEMORY_READ, provider="numba", devices=("cpu",))
class NumbaMemoryRead(Kernel):
    """The sum of a buffer's words."""

    def __init__(
        self,
        case: MemoryReadCase,
        device: Device,
        streams: int = 4,
        ahead: int = 1024,
        parts: int = 1,
    ) -> None:
        super().__init__(case, device, streams=streams, ahead=ahead, parts=parts)
        self.run = read(streams, ahead)
        self.parts = parts * get_num_threads()
        self.sums = torch.empty(self.parts, dtype=torch.int64)

    @classmethod
    def configs(cls, case: MemoryReadCase, device: Device) -> Iterable[Config]:
        """One and four streams, with and without prefetch, whole and finer shares."""
        whole = ((4, 1024), (4, 4096), (4, 0), (1, 4096), (1, 0))
        for streams, ahead, parts in (*((*w, 1) for w in whole), (4, 1024, 8), (1, 4096, 8)):
            yield {"streams": streams, "ahead": ahead, "parts": parts}

    def __call__(self, *, buffer: torch.Tensor) -> torch.Tensor:
        self.run(buffer.data_ptr(), self.case.size, self.parts, self.sums.data_ptr())
        return self.sums.sum(dtype=torch.int64).reshape(1) & 0xFFFFFFFF


@cache
def read(streams: int, ahead: int) -> Callable[..., Any]:
    """njit ``(address, size, parts, sums)``: one int64 sum a part."""
    load, add, total, zero = simd.load_i32, simd.add_i32, simd.reduce_add_i32, simd.zero_i32
    prefetch, poke = simd.prefetch, simd.poke_i64
    granule, step = GRANULE, _STEP

    @njit(boundscheck=False)
    def share(start, size):  # type: ignore[no-untyped-def]
        each = size // streams // step * step
        a0, a1, a2, a3 = zero(), zero(), zero(), zero()
        for offset in range(start, start + each, step):
            for s in range(streams):
                at = offset + s * each
                if ahead:
                    for line in range(0, step, 64):
                        prefetch(at + ahead + line)
                a0 = add(a0, load(at))
                a1 = add(a1, load(at + 64))
                a2 = add(a2, load(at + 128))
                a3 = add(a3, load(at + 192))
        for at in range(start + streams * each, start + size, 64):
            a0 = add(a0, load(at))
        return np.int64(total(add(add(a0, a1), add(a2, a3))))

    @njit(parallel=True, boundscheck=False)
    def run(address, size, parts, sums):  # type: ignore[no-untyped-def]
        granules = size // granule
        for part in prange(parts):
            first, last = part * granules // parts, (part + 1) * granules // parts
            poke(sums + 8 * part, share(address + first * granule, (last - first) * granule))

    return run
