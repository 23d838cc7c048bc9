"""The matrix engines: large products of random numbers, their rate beside the clock, sampled."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from truetpot.facts.hardware import Hardware, recognise
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.text import one_line
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors
from truetpot.validate.watch import Look, median_clock, watching

DTYPES = ("fp16", "bf16", "int8")
SIDE, CPU_SIDE, SMALL_SIDE = 8192, 1024, 256
"""Of square products: m = n = k."""
SAMPLED = 64
"""Rows and columns of a product, at random places, that are held against float64."""
TOLERANCE = 0.02
"""Of the deviation sqrt(k) of an element: 2.5 roundings of bf16 at 4 deviations."""
BRACKET_S = 0.05
WARM = 1 / 3
"""Of the time, until clock and heat are those of the load."""
CLOCK_NOISE = 1.08
"""A rate beyond that of the clock by more than this: one of the two is wrong."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """Figures of each dtype: TFLOPS, the share of the rate at the clock that was seen, and wrong
    elements. Raises RuntimeError where torch cannot multiply at all."""
    device = choose_device(setting.devices[0])
    identity = device.identity()
    card = recognise(str(identity["name"]), identity.get("memory_bytes"))
    readings: list[Reading] = []
    found: dict[str, Any] = {}
    for dtype in DTYPES:
        try:
            product = Product.random(dtype, side(device, setting.small), device)
            product.call()
            device.synchronize()
        except (RuntimeError, NotImplementedError, AttributeError) as error:
            if type(error).__name__ == "OutOfMemoryError":
                raise
            found[dtype] = f"not measured: {one_line(str(error))}"
            continue
        wrong = product.wrong(device)
        with watching(device, min(0.5, setting.seconds / 20)) as looks:
            rate = rate_of(product, device, setting.seconds / len(DTYPES))
        wrong += product.wrong(device)
        readings += of_rate(dtype, rate, late(looks), card)
        readings.append(errors(f"{dtype} wrong elements", wrong))
        found[f"{dtype}_looks"] = [_plain(one) for one in looks]
        tell(Measured(readings=readings, found=found))
    if not readings:
        raise RuntimeError(f"torch multiplies nothing on {device.name}: {found}")
    return Measured(readings=readings, found=found)


def of_rate(
    dtype: str, rate: float, looks: list[Look], card: Hardware | None
) -> list[Reading]:
    """The rate of operations a second against the datasheet's, and against that of the clock.

    A low clock lowers the first alone, a slow kernel both.
    """
    tflops, clock = rate / 1e12, median_clock(looks)
    sheet = None if card is None else card.tops(dtype)
    at_clock = None if card is None or clock is None else card.tops_at(dtype, clock)
    unit = "TOPS" if dtype == "int8" else "TFLOPS"
    readings = []
    if at_clock is not None and card is not None:
        readings.append(
            Reading(
                name=f"{dtype} at clock",
                value=tflops / at_clock,
                unit="share",
                better="higher",
                expected=1.0,
                bound=CLOCK_NOISE,
                source=f"{card.matrix_ops_per_clock} fp16 operations a clock of {card.title}",
                note=f"at {clock:.0f} MHz, the median of {len(looks)} looks",
            )
        )
    readings.append(
        Reading(
            name=dtype,
            value=tflops,
            unit=unit,
            better="higher",
            expected=sheet,
            source="" if card is None else f"datasheet of {card.title} (facts/hardware.toml)",
            note="" if clock is None else f"at {clock:.0f} MHz",
        )
    )
    return readings


def side(device: Device, small: bool) -> int:
    """Of the products: what a card needs to be busy, and a CPU does in a moment."""
    if small:
        return SMALL_SIDE
    return CPU_SIDE if device.is_cpu else SIDE


@dataclass
class Product:
    """A square product, ready to be called."""

    dtype: str
    side: int
    a: Any
    b: Any
    """Its transpose lies in memory row by row: what every library takes in int8."""

    @classmethod
    def random(cls, dtype: str, side: int, device: Device, seed: int = 0) -> Product:
        """Of random numbers, which no memory compresses, and whose switching costs power."""
        import torch

        from truetpot.runtime.torch_device import TORCH_DTYPE

        generator = torch.Generator().manual_seed(seed)
        if dtype == "int8":
            made = [
                torch.randint(-127, 128, (side, side), generator=generator, dtype=torch.int8)
                for _ in range(2)
            ]
        else:
            kind = TORCH_DTYPE[dtype]
            made = [torch.randn(side, side, generator=generator).to(kind) for _ in range(2)]
        a, b = (one.to(device.torch) for one in made)
        return cls(dtype, side, a, b.t())

    @property
    def operations(self) -> int:
        """A multiplication and an addition counted as two."""
        return 2 * self.side**3

    def call(self) -> Any:
        """[side, side] in the dtype; int32 of int8."""
        import torch

        return torch._int_mm(self.a, self.b) if self.dtype == "int8" else self.a @ self.b

    def wrong(self, device: Device) -> int:
        """Elements beyond the tolerance of float64, of a sample at random rows and columns."""
        rng = np.random.default_rng()
        rows, columns = (rng.integers(0, self.side, SAMPLED) for _ in range(2))
        at_rows, at_columns = device.upload(rows), device.upload(columns)
        got = device.download(self.call()[at_rows][:, at_columns]).astype(np.float64)
        a = device.download(self.a[at_rows]).astype(np.float64)
        b = device.download(self.b.t()[at_columns]).astype(np.float64)
        off = np.abs(got - a @ b.T)
        most = 0.0 if self.dtype == "int8" else TOLERANCE * math.sqrt(self.side)
        return int((~(off <= most)).sum())


def rate_of(product: Product, device: Device, seconds: float) -> float:
    """Operations a second at the median bracket, once the card is warm."""
    took = min(device.time_calls([product.call]).device_s for _ in range(3))
    calls = [product.call] * max(2, round(BRACKET_S / max(took, 1e-6)))
    begun, samples = time.perf_counter(), list[float]()
    while (used := time.perf_counter() - begun) < seconds or len(samples) < 3:
        timing = device.time_calls(calls)
        if used >= WARM * seconds:
            samples.append(timing.device_s)
    return product.operations / median(samples)


def late(looks: list[Look]) -> list[Look]:
    """The looks that were taken after the warm-up."""
    return looks[int(WARM * len(looks)) :]


def _plain(look: Look) -> dict[str, Any]:
    return {
        "clock_mhz": look.clock_mhz,
        "power_w": look.power_w,
        "temperature_c": look.temperature_c,
        "throttled_by": list(look.throttled_by),
    }
