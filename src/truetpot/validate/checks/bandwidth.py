"""Memory bandwidth: the best read kernel, a copy and a triad, each result checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.facts.hardware import Hardware, recognise
from truetpot.measure.ceiling import find_ceiling
from truetpot.measure.entrant import Entrant
from truetpot.measure.race import race
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.stats import StopRule
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors

CLOSE = 1.01
"""Of the datasheet's bandwidth: memory clocks are rounded in datasheets by less."""
SCALAR = 3.0
COPIES = 2
"""Sets of arrays, used in turn, so that nothing stays in a cache."""
CHECKED = 4096
"""Elements of each result, at random indices, that are held against the host's."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """Figures ``read``, ``copy`` and ``triad`` in GB/s, all bytes that are read and written."""
    device = choose_device(setting.devices[0])
    identity = device.identity()
    card = recognise(str(identity["name"]), identity.get("memory_bytes"))
    seconds = setting.seconds
    rule = StopRule(noise=0.002, seconds=0.5 * seconds, min_samples=20, warmup_s=0.05 * seconds)
    ceiling = find_ceiling(device, rule, readers(device, setting.small))
    found: dict[str, Any] = {
        "reader": ceiling.provider,
        "swept_gb_s": {name: value / 1e9 for name, value in ceiling.swept.items()},
        "state": device.state(),
    }
    readings = [_rate("read", ceiling.bandwidth, card)]
    tell(Measured(readings=readings, found=found))
    del ceiling
    if device.torch is not None:
        wrong = 0
        for name, rate, bad in streams(device, setting, seconds / 4):
            readings.append(_rate(name, rate, card))
            wrong += bad
        readings.append(errors("wrong elements", wrong))
    else:
        found["copy"] = "copy and triad need a device of torch"
        readings.append(errors("wrong sums", 0, "the read kernels' sums were checked"))
    found["state_after"] = device.state()
    return Measured(readings=readings, found=found)


def readers(device: Device, small: bool) -> tuple[str, ...] | None:
    """Whose read kernels are swept: all, or at small sizes those that need no compiler."""
    return ("torch",) if small and device.torch is not None else None


def _rate(name: str, bandwidth: float, card: Hardware | None) -> Reading:
    sheet = None if card is None else card.bandwidth_gb_s
    return Reading(
        name=name,
        value=bandwidth / 1e9,
        unit="GB/s",
        better="higher",
        expected=sheet,
        bound=None if sheet is None else sheet * CLOSE,
        source="" if card is None else f"datasheet of {card.title} (facts/hardware.toml)",
    )


@dataclass
class Stream:
    """Arrays of one kernel, and what it does with them."""

    name: str
    arrays: list[tuple[Any, ...]]
    call: Callable[[Any, Any, Any], None]
    """Of a source, another one and the destination."""
    right: Callable[[np.ndarray, np.ndarray], np.ndarray]
    moved: int
    """Arrays that are read or written."""

    def calls(self) -> list[Callable[[], Any]]:
        return [lambda one=one: self.call(*one) for one in self.arrays]  # type: ignore[misc]

    def wrong(self, device: Device) -> int:
        """Elements that are not what they should be, of a sample at random indices."""
        count, rng = 0, np.random.default_rng(1)
        for first, second, out in self.arrays:
            out.zero_()
            self.call(first, second, out)
            indices = rng.integers(0, out.numel(), CHECKED)
            at = device.upload(indices)
            a, b, got = (device.download(one[at]) for one in (first, second, out))
            count += int((got != self.right(a, b)).sum())
        return count


def streams(device: Device, setting: Setting, seconds: float) -> list[tuple[str, float, int]]:
    """Name, bytes a second and wrong elements of copy and triad; ``seconds`` for each."""
    import torch

    size = array_elements(device, setting.small)
    generator = torch.Generator().manual_seed(0)
    # whole numbers: the products and sums of fp32 are exact, and no result is rounded
    words = torch.randint(0, 1 << 20, (size,), generator=generator, dtype=torch.int32)
    host = words.to(torch.float32)
    del words

    def arrays() -> list[tuple[Any, ...]]:
        where: Any = device.torch
        first = host.to(where)
        return [
            (first.roll(i), first.roll(i + 1), torch.empty_like(first)) for i in range(COPIES)
        ]

    def triad(a: Any, b: Any, out: Any) -> None:
        torch.add(a, b, alpha=SCALAR, out=out)

    def copy(a: Any, b: Any, out: Any) -> None:
        # by a kernel: Tensor.copy_ uses the copy engine, which reaches 2.7 of an H200's 4.8 TB/s
        torch.mul(a, 1.0, out=out)

    made = arrays()
    both = [
        Stream("copy", made, copy, lambda a, b: a, 2),
        Stream("triad", made, triad, lambda a, b: a + np.float32(SCALAR) * b, 3),
    ]
    found = []
    for one in both:
        wrong = one.wrong(device)
        entrant = Entrant(one.name, one.calls(), bytes=one.moved * size * 4)
        rule = StopRule(noise=0.002, seconds=seconds, min_samples=20, warmup_s=0.1 * seconds)
        if not race([entrant], device, rule):
            raise KeyboardInterrupt
        if entrant.fault:
            raise RuntimeError(entrant.fault)
        found.append((one.name, entrant.bandwidth, wrong + one.wrong(device)))
    return found


def array_elements(device: Device, small: bool) -> int:
    """fp32 elements of an array: 1 GiB, a sixteenth of what is free at most, two caches or more."""
    if small:
        return (16 << 20) // 4
    free = device.free_bytes()
    size = min(1 << 30, (free or 16 << 30) // 16)
    return max(size, min(2 * device.cache_bytes(), (free or 16 << 30) // 12)) // 4
