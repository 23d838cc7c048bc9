"""``all_reduce`` over torch's symmetric memory: each GPU reads the others' memory itself.

One shot: every rank reads all of the others' x, which is quickest for the few KiB of a decode step.
Two shots: every rank sums a part and gives it to the others, which moves less. No multicast.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from truetpot.kernels._lib.torch import symmetric_memory

from truetpot.ops import ALL_REDUCE, AllReduceCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TORCH_DTYPE, TorchDevice

ALIGNED = 16
"""Bytes that the kernels move at a time."""
ONE_SHOT_UP_TO = 256 << 10
_OPS = ("one_shot_all_reduce_copy", "two_shot_all_reduce_out")


@register(ALL_REDUCE, provider="symm_mem", devices=("cuda",))
class SymmetricAllReduce(Kernel):
    """x [m, n]; out is another array, whether x may be used up or not."""

    def __init__(self, case: AllReduceCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.shots = int(config.get("shots") or 1)
        dtype = TORCH_DTYPE[case.dtype]
        self.buffer, _ = symmetric_memory.shared((case.m, case.n), dtype, device)
        self.name = device.group.handle.group_name

    @classmethod
    def refuses(cls, case: AllReduceCase, device: Device) -> str | None:
        """Ranks of one machine, whose GPUs see each other's memory."""
        if reason := symmetric_memory.refuses(case.tp, device.group):
            return reason
        if missing := [op for op in _OPS if not hasattr(torch.ops.symm_mem, op)]:
            return f"torch {torch.__version__} has no symm_mem.{missing[0]}"
        if case.dtype == "fp16":
            return "torch's kernels sum fp32 and bf16 only"
        if not case.payload or case.payload % (ALIGNED * case.tp):
            return f"{case.payload} bytes are no multiple of {ALIGNED} for each of {case.tp} ranks"
        return None

    @classmethod
    def configs(cls, case: AllReduceCase, device: Device) -> Iterable[Config]:
        """By size; the other one is tried too."""
        usual = 1 if case.payload <= ONE_SHOT_UP_TO else 2
        return ({"shots": usual}, {"shots": 3 - usual})

    @classmethod
    def note(cls, device: Device) -> str:
        """The feature of torch that it rests on."""
        return "reads over NVLink or PCIe, no multicast"

    def __call__(self, *, x: Tensor) -> Tensor:
        """The sum."""
        ops = torch.ops.symm_mem
        if self.shots == 1:
            return ops.one_shot_all_reduce_copy(self.buffer, x, "sum", self.name)
        self.buffer.copy_(x)
        out = torch.empty_like(x)
        return ops.two_shot_all_reduce_out(self.buffer, "sum", self.name, out)
