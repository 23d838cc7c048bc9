"""``memory_read`` by torch: integer sums."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from truetpot.ops import MEMORY_READ, MemoryReadCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device

_ROWS = (64, 1024, 16384)
_MASK = 2**32 - 1


@register(MEMORY_READ, provider="torch", devices=("torch",))
class TorchMemoryRead(Kernel):
    """buffer int32 [size / 4]; out int64 [1].

    Summed in int32, whose overflow is the modulo that is wanted: torch's sums in int64 are far from
    the limit of a memory. (An int64 view would halve the loads, but the carries out of its lower
    words cannot be told from the sum of the upper ones.)
    """

    def __init__(self, case: MemoryReadCase, device: Device, *, rows: int = 1) -> None:
        super().__init__(case, device, rows=rows)
        self._rows = rows

    @classmethod
    def configs(cls, case: MemoryReadCase, device: Device) -> Iterable[Config]:
        """Undivided, or as rows that are summed on their own first."""
        yield {"rows": 1}
        yield from ({"rows": rows} for rows in _ROWS if case.size // 4 % rows == 0)

    def __call__(self, *, buffer: Tensor) -> Tensor:
        """Read every element once."""
        if self._rows > 1:
            buffer = buffer.view(self._rows, -1).sum(1, dtype=torch.int32)
        return buffer.sum(dtype=torch.int32).view(1).to(torch.int64) & _MASK
