"""Memory that the GPUs of one machine map from each other, by torch's symmetric memory."""

from __future__ import annotations

import torch
from torch import Tensor

from truetpot.runtime.group import Group
from truetpot.runtime.torch_device import TorchDevice

MOST_RANKS = 8


def refuses(tp: int, group: Group) -> str | None:
    """Why ``tp`` ranks cannot see each other's memory; None if they can."""
    if reason := group.refuses(tp):
        return reason
    if group.size < 2:
        return "it takes at least two ranks"
    if group.local_size != group.size or group.size > MOST_RANKS:
        return f"it takes up to {MOST_RANKS} ranks of one machine"
    return None


def shared(
    shape: tuple[int, ...], dtype: torch.dtype, device: TorchDevice
) -> tuple[Tensor, Tensor]:
    """Zeros that every rank can write to, and int64 [tp] the address of each rank's on the device.

    A collective: every rank asks for the same.
    """
    # here: it takes a tenth of the time that listing all providers does
    import torch.distributed._symmetric_memory as symmetric

    buffer = symmetric.empty(shape, dtype=dtype, device=device.torch)
    handle = symmetric.rendezvous(buffer, device.group.handle.group_name)
    buffer.zero_()
    device.synchronize()
    device.group.barrier()  # nobody writes into it before it is zero
    return buffer, torch.tensor(handle.buffer_ptrs, dtype=torch.int64, device=device.torch)
