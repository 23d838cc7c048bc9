"""``best_of_ranks`` in Triton: one small program a row."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note, power_of_2

from truetpot.ops import BEST_OF_RANKS
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(BEST_OF_RANKS, provider="triton", devices=DEVICES)
class TritonBestOfRanks(Kernel):
    """best float32 [tp, m, 2]; out int64 [m], the lowest rank's of a tie."""

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    def __call__(self, *, best: Tensor) -> Tensor:
        """One launch."""
        case = self.case
        out = torch.empty(case.m, dtype=torch.int64, device=best.device)
        pick[(case.m,)](
            best, out, case.m, case.tp, case.part, case.vocab, RANKS=power_of_2(case.tp),
            num_warps=1,
        )  # fmt: skip
        return out


@triton.jit
def pick(best, out, m, tp, part, vocab, RANKS: tl.constexpr):
    """The rank with the largest value, and its id in the whole vocabulary."""
    row = tl.program_id(0)
    rank = tl.arange(0, RANKS)
    there = rank < tp
    value = tl.load(best + (rank * m + row) * 2, mask=there, other=float("-inf"))
    at = tl.load(best + (rank * m + row) * 2 + 1, mask=there, other=0.0).to(tl.int32)
    first = tl.min(tl.where(there & (value == tl.max(value, 0)), rank, RANKS), 0)
    chosen = tl.sum(tl.where(rank == first, at, 0), 0)
    found = tl.minimum(first * part + chosen, vocab - 1)
    tl.store(out + row, found.to(tl.int64))
