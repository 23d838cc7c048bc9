"""The other ceiling: the best rate of multiplying and adding, over large matrix products of torch.

No library is faster at this than at large square products, so what a device reaches there bounds
what its kernels compute. Swept like the read kernels; where the arrays of a device are not torch's
nothing is swept, and bytes alone bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.measure.entrant import Entrant
from truetpot.measure.race import race
from truetpot.ops.arrays import ITEMSIZE
from truetpot.records.ceiling import GemmRow
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed
from truetpot.runtime.group import ALONE, Group
from truetpot.stats import StopRule

SIDES = (256, 512, 1024, 2048, 4096, 8192)
"""Of square products, m = n = k. A side whose product takes too long ends the list."""
LARGEST = 3
"""So many of the largest sides that can be timed race each other."""
SHARE = 1 / 40
"""Of the time for the sweep, what one product may take."""
NEAR = 0.5
"""Operations that take less than this share of the bytes' time, by the sweep, bound nothing."""
_CHECKED = 16
"""Rows and columns of a product that are held against float64."""
_TOLERANCE = 0.02
"""Of the deviation sqrt(k) of a product's elements: 2.5 roundings of bf16 at 4 deviations."""


@dataclass
class Gemm:
    """The product that computed fastest, ready to race beside what is held against it."""

    name: str
    rate: float
    """Operations a second in the sweep, a multiply-add counted as two."""
    operations: int
    """Of one product."""
    swept: dict[str, float]
    calls: list[Callable[[], Any]]

    def entrant(self) -> Entrant:
        """A fresh entrant that multiplies."""
        return Entrant("gemm", self.calls, operations=self.operations)

    def may_bound(
        self, nbytes: float, operations: float, bandwidth: float, group: Group = ALONE
    ) -> bool:
        """Whether operations come near to taking as long as the bytes do, on any rank."""
        share = (operations / self.rate) / max(nbytes / bandwidth, 1e-12)
        return group.most(share) >= NEAR

    def record(self) -> GemmRow:
        """What was swept and what won."""
        swept = {name: rate / 1e12 for name, rate in self.swept.items()}
        return GemmRow(name=self.name, tflops=self.rate / 1e12, swept_tflops=swept)


def find_gemm(device: Device, dtype: str, rule: StopRule) -> Gemm | None:
    """The fastest of the large products with operands of ``dtype``; None without torch's arrays.

    A CPU's kernels may compute in fp32 whatever the dtype of the activations: there fp32 is swept
    too. Several ranks sweep the same products, each for a rate of its own. Raises UserError for a
    product that is wrong.
    """
    if agreed.common(device.group, [device.torch is not None]) != [True]:
        return None
    products = []
    for one in dict.fromkeys([dtype, "fp32"] if device.is_cpu else [dtype]):
        products += _largest(device, one, rule.seconds * SHARE)
    if not products:
        return None
    entrants = [Entrant(p.name, [p.call], operations=p.operations) for p in products]
    if not race(entrants, device, rule):
        raise KeyboardInterrupt
    rates = {
        one.name: one.operations / one.stats.median_s
        for one in entrants
        if one.device_s and not one.fault
    }
    if not device.group.least(bool(rates)):
        return None
    best = max(products, key=lambda one: rates.get(one.name, 0.0))
    best.check(device)
    return Gemm(best.name, rates[best.name], best.operations, rates, [best.call])


@dataclass
class _Product:
    """A square product on operands of unit variance."""

    side: int
    dtype: str
    a: Any
    b: Any

    @property
    def name(self) -> str:
        return f"torch.matmul {self.side} x {self.side} x {self.side} {self.dtype}"

    @property
    def operations(self) -> int:
        return 2 * self.side**3

    def call(self) -> Any:
        return self.a @ self.b

    def check(self, device: Device) -> None:
        """Hold a corner of the product against float64. Raises UserError where it is wrong."""
        got = device.download(self.call()[:_CHECKED, :_CHECKED]).astype(np.float64)
        rows = device.download(self.a[:_CHECKED]).astype(np.float64)
        columns = device.download(self.b[:, :_CHECKED]).astype(np.float64)
        if not np.abs(got - rows @ columns).max() <= _TOLERANCE * math.sqrt(self.side):
            raise UserError(
                f"{self.name} is wrong on {device.name}: this device or its torch is not fit to be "
                "measured."
            )


def _largest(device: Device, dtype: str, longest_s: float) -> list[_Product]:
    """The largest products that fit a quarter of the memory and take ``longest_s`` at most."""
    import torch

    from truetpot.runtime.torch_device import TORCH_DTYPE

    group, free = device.group, agreed.free_bytes(device)
    found: list[_Product] = []
    for side in SIDES:
        if free is not None and 3 * side**2 * ITEMSIZE[dtype] > free // 4:
            break
        generator = torch.Generator().manual_seed(0)
        kind = TORCH_DTYPE[dtype]
        a, b = (
            torch.randn(side, side, generator=generator).to(device.torch, kind)
            for _ in range(2)
        )
        product = _Product(side, dtype, a, b)
        taken = (device.time_calls([product.call], elapsed=True).wall_s for _ in range(2))
        took_s = group.most(min(taken))
        if took_s > longest_s and found:
            break
        found.append(product)
    return found[-LARGEST:]
