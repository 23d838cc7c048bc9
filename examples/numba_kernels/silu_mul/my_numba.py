"""A kernel in numba, with a launch parameter that `truetpot tune` can search.

    truetpot kernels --kernels examples/numba_kernels --op silu_mul
    truetpot tune --kernels examples/numba_kernels --op silu_mul --provider my_numba --out my.toml
"""

from math import exp

import numpy as np
import torch
from numba import njit, prange

from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register


@njit(parallel=True)
def activate(gate_up, out, chunk):
    """gate_up [m, 2 n], gate first, to out [m, n]; threads share out pieces of `chunk` columns."""
    m, n = out.shape
    pieces = (n + chunk - 1) // chunk
    for piece in prange(m * pieces):
        row, first = piece // pieces, piece % pieces * chunk
        for i in range(first, min(first + chunk, n)):
            gate = gate_up[row, i]
            out[row, i] = gate / (1 + exp(-gate)) * gate_up[row, n + i]


@register(SILU_MUL, provider="my_numba", devices=("cpu",))
class MySiluMul(Kernel):
    """Compiled at the first call, which is not timed."""

    def __init__(self, case, device, chunk=1024):
        """What `configs` yields comes in by name; memory of one's own is made once, here."""
        super().__init__(case, device, chunk=chunk)
        self.chunk = chunk
        self.out = np.empty((case.m, case.n), np.float32)

    @classmethod
    def configs(cls, case, device):
        """The default first: it runs until `truetpot tune` has found a better one."""
        for chunk in (1024, 256, 4096):
            yield {"chunk": chunk}

    def __call__(self, *, gate_up):
        """numba knows no bf16: the input is widened on its way in, the result rounded again."""
        activate(gate_up.float().numpy(), self.out, self.chunk)
        return torch.from_numpy(self.out).to(gate_up.dtype)
