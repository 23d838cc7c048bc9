"""``all_reduce`` by torch.distributed: the library of the platform, NCCL, XCCL or gloo."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor

from truetpot.ops import ALL_REDUCE, AllReduceCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(ALL_REDUCE, provider="torch", devices=("torch",))
class TorchAllReduce(Kernel):
    """x [m, n]; out is x itself where it may be used up."""

    @classmethod
    def refuses(cls, case: AllReduceCase, device: Device) -> str | None:
        """As many ranks as the case has."""
        return device.group.refuses(case.tp)

    @classmethod
    def note(cls, device: Device) -> str:
        """The communication library that it goes by."""
        return device.group.backend

    def __call__(self, *, x: Tensor) -> Tensor:
        """The sum."""
        out = x if self.case.in_place else x.clone()
        if self.case.tp > 1:
            dist.all_reduce(out, group=self.device.group.handle)
        return out
