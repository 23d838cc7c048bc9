"""``local_best`` in Triton: one small program a row."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note

from truetpot.ops import LOCAL_BEST
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(LOCAL_BEST, provider="triton", devices=DEVICES)
class TritonLocalBest(Kernel):
    """logits [m, vocab], ids int64 [m]; out float32 [m, 2]."""

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    def __call__(self, *, logits: Tensor, ids: Tensor) -> Tensor:
        """One launch."""
        out = torch.empty((self.case.m, 2), dtype=torch.float32, device=logits.device)
        pair[(self.case.m,)](logits, ids, out, self.case.vocab, num_warps=1)
        return out


@triton.jit
def pair(logits, ids, out, vocab):
    """The row's logit at its id, and the id."""
    row = tl.program_id(0).to(tl.int64)
    at = tl.load(ids + row)
    tl.store(out + 2 * row, tl.load(logits + row * vocab + at).to(tl.float32))
    tl.store(out + 2 * row + 1, at.to(tl.float32))
