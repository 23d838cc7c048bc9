"""``memory_read`` in OpenCL C: a family of loads that differ in width and in how they walk.

``local`` is the size of a work-group, ``width`` the words of a work-item's load, ``unroll`` the
loads it has in flight, ``groups`` the work-groups a Xe core or processor gets. A group reads a
contiguous ``share``, or all take turns; ``block`` loads for a whole sub-group at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import MEMORY_READ, MemoryReadCase
from truetpot.ops.registry import Config, register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target

SUBGROUP = 16


def _config(local: int, width: int, unroll: int, groups: int, share: bool, block: bool) -> Config:
    return {
        "local": local,
        "width": width,
        "unroll": unroll,
        "groups": groups,
        "share": share,
        "block": block,
    }


FOR_CARD = (
    _config(64, 4, 4, 32, False, False),
    _config(256, 4, 4, 16, False, False),
    *(
        _config(64, 4, unroll, groups, share, False)
        for share in (False, True)
        for unroll, groups in ((8, 16), (4, 64), (1, 128))
    ),
    *(
        _config(32, width, unroll, 64, share, True)
        for width, unroll, share in ((8, 1, False), (8, 4, False), (8, 4, True), (4, 4, False))
    ),
)
FOR_CPU = tuple(
    # one work-item a group: there is nothing to gather from neighbours
    _config(1, 16, unroll, groups, True, False)
    for unroll, groups in ((4, 1), (4, 8), (8, 1))
)


@register(MEMORY_READ, provider="opencl", devices=("opencl",))
class OpenClMemoryRead(OpenClKernel):
    """buffer int32 [size / 4]; out int64 [1]."""

    half = False

    def __init__(
        self,
        case: MemoryReadCase,
        device: OpenClDevice,
        *,
        local: int = 64,
        width: int = 4,
        unroll: int = 4,
        groups: int = 32,
        share: bool = False,
        block: bool = False,
    ) -> None:
        config = _config(local, width, unroll, groups, share, block)
        super().__init__(case, device, **config)
        self.vectors = case.size // (4 * width)
        self.local = local
        self.groups = device.target.units * groups
        self.partial = device.empty((self.groups,), np.uint32)

    @classmethod
    def configs(cls, case: MemoryReadCase, device: Device) -> Iterable[Config]:
        """Narrow and wide loads, few and many in flight, turns and shares; a CPU has its own."""
        assert isinstance(device, OpenClDevice)
        family = FOR_CPU if device.target.name == "cpu" else FOR_CARD
        for config in family:
            if not config["block"] or SUBGROUP in device.target.subgroups:
                yield dict(config)

    @classmethod
    def builds(cls, case: MemoryReadCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """The sums, and the sum of them."""
        given = config or FOR_CARD[0]
        macros = {"LOCAL": given["local"], "WIDTH": given["width"], "UNROLL": given["unroll"]}
        macros["SHARES"] = int(given["share"])
        variant = " ".join(f"{name}={value}" for name, value in given.items())
        subgroup = SUBGROUP if given["block"] else 0
        return tuple(
            Build("memory_read/read.cl", name, macros, variant, subgroup)
            for name in ("read", "finish")
        )

    def __call__(self, *, buffer: OpenClArray) -> OpenClArray:
        """Two launches; the second one's work is nothing beside the first's."""
        out = self.empty(1, dtype=np.int64)
        read, finish = self.functions
        size = self.groups * self.local
        read((size,), (self.local,), buffer, self.partial, np.uint64(self.vectors))
        finish((self.local,), (self.local,), self.partial, out, self.groups)
        return out
