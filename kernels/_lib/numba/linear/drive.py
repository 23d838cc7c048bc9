"""The parallel loop over panels: compiled once, for every kernel.

A panel function is ``void(arguments, p)`` in machine code, called by its address, as compiling a
parallel loop takes numba several times as long as what is in it. Its arguments are int64 numbers in
memory, read by :func:`arguments`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import cfunc, njit, prange

from truetpot.records.launch import LaunchRow
from truetpot.runtime import simd

Arguments = tuple[int, ...]
"""(w, x, beside, stride, beside_stride, bias, out, m, n, k): addresses, bytes, sizes; n of out."""
_call, _poke, _take, _peek = simd.call_pair, simd.poke_i64, simd.fetch_add, simd.peek_i64


@njit(boundscheck=False, inline="always")
def arguments(at):  # type: ignore[no-untyped-def]
    """The ten at an address."""
    w, x, beside = _peek(at), _peek(at + 8), _peek(at + 16)
    stride, beside_stride, bias = _peek(at + 24), _peek(at + 32), _peek(at + 40)
    out, m, n, k = _peek(at + 48), _peek(at + 56), _peek(at + 64), _peek(at + 72)
    return w, x, beside, stride, beside_stride, bias, out, m, n, k


def machine_code(panel: Callable[..., Any]) -> Any:
    """A Python function ``(arguments, p)`` as machine code, with its ``address``."""
    return cfunc("void(int64, int64)")(panel)


class Drive:
    """Runs a panel function over panels, in shares that threads take as they come free.

    A core that another process uses for a while does not hold up the others.
    """

    def __init__(self, panel: Any, shares: int, workers: int) -> None:
        self.panel, self.shares, self.workers = panel, shares, workers
        self.next = torch.zeros(1, dtype=torch.int64)

    def __call__(self, arguments: Arguments, panels: int) -> None:
        """Every panel once."""
        held = np.array(arguments, np.int64)
        some = max(1, panels // (self.workers * self.shares))
        _run(
            self.panel.address, held.ctypes.data, panels, some, self.next.data_ptr(), self.workers
        )


    def launches(self) -> list[LaunchRow]:
        """The panel function, which every thread calls for its panels."""
        return [
            LaunchRow(
                entry_point=self.panel.native_name,
                global_size=[self.workers],
                options=["parallel=True", "boundscheck=False"],
                note="threads of the CPU, a call a panel; compiled in this process and kept "
                "nowhere: set NUMBA_ENABLE_PROFILING=1 for a profiler to know its name",
            )
        ]


@njit(parallel=True, boundscheck=False)
def _run(panel, arguments, panels, some, next_at, workers):  # type: ignore[no-untyped-def]
    _poke(next_at, 0)
    for _ in prange(workers):
        first = _take(next_at, some)
        while first < panels:
            for p in range(first, min(first + some, panels)):
                _call(panel, arguments, p)
            first = _take(next_at, some)
