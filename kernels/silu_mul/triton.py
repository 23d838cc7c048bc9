"""``silu_mul`` in Triton: elementwise, for the cases that the fused projection refuses."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note, silu

from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

BLOCK = 1024


@register(SILU_MUL, provider="triton", devices=DEVICES)
class TritonSiluMul(Kernel):
    """gate_up [m, 2 n], gate first; out [m, n]."""

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    def __call__(self, *, gate_up: Tensor) -> Tensor:
        """One launch."""
        m, n = gate_up.shape[0], gate_up.shape[1] // 2
        out = torch.empty((m, n), dtype=gate_up.dtype, device=gate_up.device)
        activate[(-(-n // BLOCK), m)](gate_up, out, n, BLOCK=BLOCK)
        return out


@triton.jit
def activate(gate_up, out, n, BLOCK: tl.constexpr):
    """out = silu(gate) * up for one block of columns."""
    row = tl.program_id(1).to(tl.int64)
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = column < n
    gate = tl.load(gate_up + row * 2 * n + column, mask=ok, other=0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * n + n + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + row * n + column, (silu(gate) * up).to(out.dtype.element_ty), mask=ok)
