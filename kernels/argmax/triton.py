"""``argmax`` in Triton: programs take parts of a row, the one that finds itself last decides."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note, power_of_2

from truetpot.ops import ARGMAX, ArgmaxCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice

BLOCK = 2048


@register(ARGMAX, provider="triton", devices=DEVICES)
class TritonArgmax(Kernel):
    """logits [m, vocab]; out int64 [m], the lowest index of a tie."""

    def __init__(self, case: ArgmaxCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.parts = -(-case.vocab // BLOCK)
        self.best = torch.empty((case.m, self.parts), dtype=torch.float32, device=device.torch)
        self.where = torch.empty((case.m, self.parts), dtype=torch.int32, device=device.torch)
        self.arrived = torch.zeros(case.m, dtype=torch.int32, device=device.torch)

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    def __call__(self, *, logits: Tensor) -> Tensor:
        """One launch."""
        out = torch.empty(logits.shape[0], dtype=torch.int64, device=logits.device)
        largest[(self.parts, logits.shape[0])](
            logits, self.best, self.where, self.arrived, out, logits.shape[1], self.parts,
            BLOCK=BLOCK, PARTS=power_of_2(self.parts),
        )  # fmt: skip
        return out


@triton.jit
def largest(
    logits, best, where, arrived, out, vocab, parts, BLOCK: tl.constexpr, PARTS: tl.constexpr
):
    """Each part's maximum and place, then the parts' maximum."""
    part, row = tl.program_id(0), tl.program_id(1).to(tl.int64)
    column = part * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(logits + row * vocab + column, mask=column < vocab, other=float("-inf"))
    top, at = tl.max(value.to(tl.float32), 0, return_indices=True)
    tl.store(best + row * parts + part, top)
    tl.store(where + row * parts + part, part * BLOCK + at)
    tl.debug_barrier()  # the stores before the count
    if tl.atomic_add(arrived + row, 1, sem="acq_rel") == parts - 1:
        tl.store(arrived + row, 0)  # for the next launch
        n = tl.arange(0, PARTS)
        tops = tl.load(best + row * parts + n, mask=n < parts, other=float("-inf"))
        places = tl.load(where + row * parts + n, mask=n < parts, other=0)
        lowest = tl.min(tl.where(tops == tl.max(tops, 0), places, vocab), 0)
        tl.store(out + row, lowest.to(tl.int64))
