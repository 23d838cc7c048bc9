"""``embedding`` in Triton: a program a part of a row."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note

from truetpot.ops import EMBEDDING
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

BLOCK = 1024


@register(EMBEDDING, provider="triton", devices=DEVICES)
class TritonEmbedding(Kernel):
    """ids int64 [m], table [vocab, hidden]; out [m, hidden]."""

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    def __call__(self, *, ids: Tensor, table: Tensor) -> Tensor:
        """One launch."""
        m, hidden = ids.shape[0], table.shape[1]
        out = torch.empty((m, hidden), dtype=table.dtype, device=table.device)
        copy_rows[(-(-hidden // BLOCK), m)](ids, table, out, hidden, BLOCK=BLOCK)
        return out


@triton.jit
def copy_rows(ids, table, out, hidden, BLOCK: tl.constexpr):
    """Copy row ids[i] of the table to out[i]."""
    row = tl.program_id(1).to(tl.int64)
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = column < hidden
    value = tl.load(table + tl.load(ids + row) * hidden + column, mask=ok, other=0.0)
    tl.store(out + row * hidden + column, value, mask=ok)
