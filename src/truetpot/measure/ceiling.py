"""The ceiling: the best read bandwidth of a device, over every kernel that only reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.measure.race import Entrant, race
from truetpot.ops import MEMORY_READ, MemoryReadCase
from truetpot.ops.memory_read import GRANULE
from truetpot.ops.registry import REGISTRY, Config
from truetpot.records.ceiling import CeilingRow
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed
from truetpot.stats import StopRule

MIB = 1 << 20
SLICES = 4
"""One call reads a slice of the buffer, the next call the next slice: never cached."""
SWEEP = StopRule(noise=0.005, seconds=4.0, min_samples=20, warmup_s=0.3)


@dataclass
class Ceiling:
    """The winner of the sweep, ready to race beside whatever is held against it."""

    provider: str
    config: Config
    bandwidth: float
    """Bytes a second in the sweep; the shares of a race use the same kernel's time in that race."""
    swept: dict[str, float]
    """Bytes a second of every kernel of the family, by ``provider`` and parameters."""
    calls: list[Any]
    bytes: int

    def entrant(self, at_least: int = 0) -> Entrant:
        """A fresh entrant that reads the buffer slice by slice, ``at_least`` bytes a sample.

        A machine whose bandwidth comes in bursts gives a short sample more than a long one: beside
        something long, the ceiling must read as long.
        """
        slices = max(1, round(at_least / self.bytes))
        return Entrant("ceiling", self.calls, bytes=self.bytes, per_sample=slices)

    def record(self) -> CeilingRow:
        """What was swept and what won, GB/s of 1e9 bytes."""
        return CeilingRow(
            provider=self.provider,
            config=self.config,
            gb_s=self.bandwidth / 1e9,
            swept_gb_s={name: value / 1e9 for name, value in self.swept.items()},
        )


def buffer_bytes(device: Device) -> int:
    """A 32nd of what is free, from 512 MiB to 4 GiB; four caches at least; a quarter at most.

    A fast card needs large reads: what 64 MiB take on an H200, 15 us, is mostly ramp and tail.
    Several ranks read as much each, all ask for it together.
    """
    free, cache = agreed.free_bytes(device), agreed.cache_bytes(device)
    size = min(4096 * MIB, max(512 * MIB, (free or 0) // 32, 4 * cache))
    size = size if free is None else min(size, free // 4)
    if size < 16 * MIB:
        raise UserError(f"{device.name} has no 64 MiB left to measure its read bandwidth with.")
    return size // (SLICES * GRANULE) * SLICES * GRANULE


def find_ceiling(
    device: Device, rule: StopRule = SWEEP, providers: Sequence[str] | None = None
) -> Ceiling:
    """Sweep every kernel and configuration of ``memory_read``, each checked first.

    ``providers`` None means all. Several ranks sweep what all of them have, each for a ceiling of
    its own. Raises UserError where none can read here.
    """
    REGISTRY.load_builtin()
    case = MemoryReadCase("fp32", buffer_bytes(device) // SLICES)
    rng = np.random.default_rng(0)
    pattern = np.frombuffer(rng.bytes(case.size), dtype=np.int32)
    want = MEMORY_READ.reference(case, {"buffer": pattern})
    slices = [device.upload(pattern) for _ in range(SLICES)]
    family: list[tuple[str, Config, Entrant]] = []
    for kernel_type in REGISTRY.kernels(MEMORY_READ.name):
        found = REGISTRY.find(MEMORY_READ.name, kernel_type.provider, case, device)
        wanted = providers is None or kernel_type.provider in providers
        if found is not kernel_type or not wanted:
            continue
        for config in kernel_type.configs(case, device):
            kernel = kernel_type(case, device, **config)
            got = {"out": device.download(kernel(buffer=slices[0]))}
            if MEMORY_READ.error(case, {"buffer": pattern}, got, want) != 0.0:
                raise UserError(
                    f"The {kernel_type.provider} read kernel {config} misread its buffer: this "
                    "device or its driver is not fit to be measured."
                )
            calls = [_bind(kernel, part) for part in slices]
            name = f"{kernel_type.provider} {config}" if config else kernel_type.provider
            family.append((kernel_type.provider, config, Entrant(name, calls, bytes=case.size)))
    by_name = {entrant.name: one for one in family for entrant in one[2:]}
    family = [by_name[name] for name in agreed.common(by_name)]
    if not family:
        raise UserError(f"No provider has a memory_read kernel for {device.kind}.")
    if not race([entrant for *_, entrant in family], device, rule):
        raise KeyboardInterrupt
    provider, config, best = max(family, key=lambda entry: entry[2].bandwidth)
    swept = {entrant.name: entrant.bandwidth for *_, entrant in family}
    return Ceiling(provider, config, best.bandwidth, swept, list(best.calls), case.size)


def _bind(kernel: Any, part: Any) -> Any:
    return lambda: kernel(buffer=part)
