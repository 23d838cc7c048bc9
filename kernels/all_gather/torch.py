"""``all_gather`` by torch.distributed: the library of the platform, NCCL, XCCL or gloo."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor

from truetpot.ops import ALL_GATHER, AllGatherCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

# torch 2.13 gave it another name, and the old one warns at every call.
_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor


@register(ALL_GATHER, provider="torch", devices=("torch",))
class TorchAllGather(Kernel):
    """x [m, n]; out [tp, m, n]."""

    @classmethod
    def refuses(cls, case: AllGatherCase, device: Device) -> str | None:
        """As many ranks as the case has."""
        return device.group.refuses(case.tp)

    @classmethod
    def note(cls, device: Device) -> str:
        """The communication library that it goes by."""
        return device.group.backend

    def __call__(self, *, x: Tensor) -> Tensor:
        """Into fresh memory."""
        if self.case.tp == 1:
            return x[None].clone()
        out = x.new_empty((self.case.tp * self.case.m, self.case.n))
        _gather(out, x, group=self.device.group.handle)
        return out.view(self.case.tp, self.case.m, self.case.n)
