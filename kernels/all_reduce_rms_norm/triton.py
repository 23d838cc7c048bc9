"""``all_reduce_rms_norm`` in Triton: each rank pushes its part to the others, sums and norms.

A word of 64 bits carries two elements and the number of the call, so data need no other signal and
no fence (the LL protocol of NCCL): a rank reads what has arrived again until every word has this
call's number. Words of 64 bits are written whole. Even and odd calls have buffers of their own: a
rank that is in call n + 2 has seen the others' words of n + 1, which they wrote after reading n.

The sum is taken in float32 in the order of the ranks, so that it is the same on all of them.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.torch import symmetric_memory
from truetpot.kernels._lib.triton.common import note, power_of_2
from truetpot.kernels._lib.triton.dependent_launch import able, begin, end, options

from truetpot.ops import ALL_REDUCE_RMS_NORM, AllReduceCase, CompositeCase, RmsNormCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice

ELEMENT = {"bf16": tl.bfloat16, "fp16": tl.float16}


@register(ALL_REDUCE_RMS_NORM, provider="triton", devices=("cuda",))
class TritonAllReduceRmsNorm(Kernel):
    """x, residual [m, hidden], gamma [hidden]; the ranks' sum of x is added to the residual."""

    def __init__(self, case: CompositeCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        reduce, norm = case.part(AllReduceCase), case.part(RmsNormCase)
        self.tp, self.m, self.hidden, self.eps = reduce.tp, norm.m, norm.hidden, norm.eps
        words = (2, self.tp, self.m, self.hidden // 2)
        self.arrived, self.ranks = symmetric_memory.shared(words, torch.int64, device)
        self.calls = torch.zeros(self.m, dtype=torch.int32, device=device.torch)

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """Ranks of one machine; pairs of 16 bits."""
        reduce, norm = case.part(AllReduceCase), case.part(RmsNormCase)
        if case.dtype not in ELEMENT or norm.hidden % 2:
            return "two elements of 16 bits travel in a word"
        return symmetric_memory.refuses(reduce.tp, device.group)

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return f"{note(device)}; writes over NVLink or PCIe, no multicast"

    def __call__(self, *, x: Tensor, gamma: Tensor, residual: Tensor) -> Tensor:
        """One launch."""
        out = torch.empty_like(x)
        block = power_of_2(self.hidden // 2)
        push_and_norm[(self.m,)](
            x, gamma, residual, out, self.arrived, self.ranks, self.calls, self.m,
            self.hidden // 2, self.eps, RANK=self.device.group.rank, TP=self.tp, BLOCK=block,
            ELEMENT=ELEMENT[self.case.dtype], num_warps=min(16, max(1, block // 128)),
            **options(int(able(self.device))),
        )  # fmt: skip
        return out


@triton.jit
def _low(word, ELEMENT: tl.constexpr):
    return (word & 0xFFFF).to(tl.int16).to(ELEMENT, bitcast=True).to(tl.float32)


@triton.jit
def _high(word, ELEMENT: tl.constexpr):
    return ((word >> 16) & 0xFFFF).to(tl.int16).to(ELEMENT, bitcast=True).to(tl.float32)


@triton.jit
def _pair(low, high, ELEMENT: tl.constexpr):
    """Two float32 as one word of 32 bits."""
    low = low.to(ELEMENT).to(tl.int16, bitcast=True).to(tl.int32) & 0xFFFF
    return low | (high.to(ELEMENT).to(tl.int16, bitcast=True).to(tl.int32) << 16)


@triton.jit
def _late(words, call, ok):
    """How many words are of an earlier call."""
    return tl.sum((((words >> 32).to(tl.int32) != call) & ok).to(tl.int32), 0)


@triton.jit
def push_and_norm(
    x, gamma, residual, out, arrived, ranks, calls, m, half, eps,
    RANK: tl.constexpr, TP: tl.constexpr, BLOCK: tl.constexpr, ELEMENT: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """A program a row. ``arrived`` int64 [2, TP, m, half] is this rank's, by call, sender, row."""
    end(EARLY)
    begin(EARLY)
    row = tl.program_id(0)
    column = tl.arange(0, BLOCK)
    ok = column < half
    at = row * half + column
    call = tl.load(calls + row) + 1
    own = tl.load(x.to(tl.pointer_type(tl.int32)) + at, mask=ok, other=0)
    word = (own.to(tl.int64) & 0xFFFFFFFF) | (call.to(tl.int64) << 32)
    side = (call & 1) * TP * m * half
    for other in tl.static_range(TP):
        if other != RANK:
            to = tl.load(ranks + other).to(tl.pointer_type(tl.int64))
            tl.store(to + side + RANK * m * half + at, word, mask=ok, cache_modifier=".wt")
    tl.store(calls + row, call)
    # loads that do not depend on the others go before the wait
    before = tl.load(residual.to(tl.pointer_type(tl.int32)) + at, mask=ok, other=0)
    weight = tl.load(gamma.to(tl.pointer_type(tl.int32)) + column, mask=ok, other=0)
    low = _low(before, ELEMENT)
    high = _high(before, ELEMENT)
    low_sum = tl.zeros((BLOCK,), tl.float32)
    high_sum = low_sum
    for sender in tl.static_range(TP):
        part = own
        if sender != RANK:
            there = arrived + side + sender * m * half + at
            got = tl.load(there, mask=ok, other=0, volatile=True)
            while _late(got, call, ok) > 0:
                got = tl.load(there, mask=ok, other=0, volatile=True)
            part = got.to(tl.int32)
        low_sum += _low(part, ELEMENT)
        high_sum += _high(part, ELEMENT)
    low += low_sum
    high += high_sum
    tl.store(residual.to(tl.pointer_type(tl.int32)) + at, _pair(low, high, ELEMENT), mask=ok)
    scale = tl.rsqrt(tl.sum(low * low + high * high, 0) / (2 * half) + eps)
    normed = _pair(
        low * scale * _low(weight, ELEMENT), high * scale * _high(weight, ELEMENT), ELEMENT
    )
    tl.store(out.to(tl.pointer_type(tl.int32)) + at, normed, mask=ok)
