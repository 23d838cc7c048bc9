"""The ceiling: the best read bandwidth of a device, over every kernel that only reads.

Beside it, where it is asked for, the best rate of operations: :mod:`truetpot.measure.gemm`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.errors import KernelError, UserError
from truetpot.measure.entrant import Entrant
from truetpot.measure.gemm import Gemm, find_gemm
from truetpot.measure.race import race
from truetpot.ops import MEMORY_READ, MemoryReadCase
from truetpot.ops.guard import foreign, guarded, who
from truetpot.ops.memory_read import GRANULE
from truetpot.ops.registry import REGISTRY, Config, Kernel
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
    left_out: tuple[str, ...] = ()
    """Kernels of someone else that failed, and how: a sentence each."""
    kernel: Kernel | None = None
    check: Callable[[], None] | None = None
    """Reads the buffer once more. Raises KernelError where that is no longer right."""
    gemm: Gemm | None = None
    """The ceiling of operations; None where it was not asked for, or torch has no arrays here."""

    def entrant(self, at_least: int = 0) -> Entrant:
        """A fresh entrant that reads the buffer slice by slice, ``at_least`` bytes a sample.

        A machine whose bandwidth comes in bursts gives a short sample more than a long one: beside
        something long, the ceiling must read as long.
        """
        slices = max(1, round(at_least / self.bytes))
        return Entrant(
            "ceiling",
            self.calls,
            bytes=self.bytes,
            per_sample=slices,
            kernel=self.kernel,
            check_again=self._fault,
        )

    def _fault(self) -> str:
        """What is wrong by now with a kernel that is not ours; the sweep has checked the others."""
        if self.kernel is None or self.check is None or not foreign(self.kernel):
            return ""
        try:
            self.check()
        except KernelError as fault:
            return f"after the timing, {fault}"
        return ""

    def record(self) -> CeilingRow:
        """What was swept and what won, GB/s of 1e9 bytes."""
        return CeilingRow(
            provider=self.provider,
            config=self.config,
            gb_s=self.bandwidth / 1e9,
            swept_gb_s={name: value / 1e9 for name, value in self.swept.items()},
            gemm=None if self.gemm is None else self.gemm.record(),
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
    device: Device,
    rule: StopRule = SWEEP,
    providers: Sequence[str] | None = None,
    dtype: str | None = None,
) -> Ceiling:
    """Sweep every kernel and configuration of ``memory_read``, each checked first and afterwards.

    With ``dtype``, that of the activations, the ceiling of operations is swept too.

    ``providers`` None means all. Several ranks sweep what all of them have, each for a ceiling of
    its own. Raises UserError where none can read here, and where one of ours misreads; someone
    else's is left out then.
    """
    REGISTRY.load_builtin()
    case = MemoryReadCase("fp32", buffer_bytes(device) // SLICES)
    family = _Family(case, device)
    for kernel_type in REGISTRY.kernels(MEMORY_READ.name):
        found = REGISTRY.choose(MEMORY_READ.name, case, device, kernel_type.provider)
        wanted = providers is None or kernel_type.provider in providers
        if found.kernel is kernel_type and wanted:
            family.enter(kernel_type)
    by_name = {member.entrant.name: member for member in family.members}
    family.members = [by_name[name] for name in agreed.common(device.group, by_name)]
    if not family.members:
        reasons = "".join(f" {reason}." for reason in family.left_out)
        raise UserError(f"No provider has a memory_read kernel for {device.kind}.{reasons}")
    if not race([member.entrant for member in family.members], device, rule):
        raise KeyboardInterrupt
    swept = {one.entrant.name: one.entrant.bandwidth for one in family.right()}
    if not swept:
        raise UserError(f"No memory_read kernel can be timed: {'; '.join(family.left_out)}.")
    best = max(family.members, key=lambda one: swept.get(one.entrant.name, 0.0))
    kernel, entrant = best.kernel, best.entrant
    return Ceiling(
        kernel.provider,
        best.config,
        entrant.bandwidth,
        swept,
        list(entrant.calls),
        case.size,
        tuple(family.left_out),
        kernel,
        lambda: family.check(kernel),
        None if dtype is None else find_gemm(device, dtype, rule),
    )


@dataclass
class _Member:
    """One configuration of one kernel."""

    kernel: Kernel
    config: Config
    entrant: Entrant


class _Family:
    """The read kernels on one buffer."""

    def __init__(self, case: MemoryReadCase, device: Device) -> None:
        self.case, self.device = case, device
        words = np.frombuffer(np.random.default_rng(0).bytes(case.size), dtype=np.int32)
        # every other slice has other words, so that a sum that was kept shows
        patterns = (words, ~words)
        self._sums = [MEMORY_READ.reference(case, {"buffer": one}) for one in patterns]
        self._slices = [device.upload(patterns[i % 2]) for i in range(SLICES)]
        self.members: list[_Member] = []
        self.left_out: list[str] = []

    def enter(self, kernel_type: type[Kernel]) -> None:
        """Every configuration that reads right."""
        try:
            with guarded("configs", who(kernel_type)):
                configs = [dict(config) for config in kernel_type.configs(self.case, self.device)]
        except KernelError as fault:
            self._fail(kernel_type, {}, str(fault))
            return
        for config in configs:
            try:
                with guarded(who=who(kernel_type, self.case, config)):
                    kernel = kernel_type(self.case, self.device, **config)
                    kernel.given = config
                self.check(kernel)
            except KernelError as fault:
                self._fail(kernel_type, config, str(fault))
                continue
            calls = [_bind(kernel, part) for part in self._slices]
            name = _name(kernel_type, config)
            entrant = Entrant(name, calls, bytes=self.case.size, kernel=kernel)
            self.members.append(_Member(kernel, config, entrant))

    def right(self) -> list[_Member]:
        """Those that went through the race and read right still."""
        found = []
        for member in self.members:
            try:
                if member.entrant.fault:
                    raise KernelError(member.entrant.fault)
                self.check(member.kernel)
                if member.entrant.captured is not None:
                    self._check_graph(member)
            except KernelError as fault:
                self._fail(type(member.kernel), member.config, f"after the timing, {fault}")
                continue
            found.append(member)
        return found

    def check(self, kernel: Kernel) -> None:
        """One slice, then another: all are called before the first sum is looked at."""
        with guarded(who=who(kernel)):
            sums = [kernel(buffer=part) for part in self._slices]
            for i in reversed(range(SLICES)):
                self._compare(self.device.download(sums[i]), i)

    def _check_graph(self, member: _Member) -> None:
        graph = member.entrant.captured
        assert graph is not None
        with guarded("in the captured graph", who(member.kernel)):
            self.device.poison(graph.result)
            graph.replay()
            self.device.synchronize()
            self._compare(self.device.download(graph.result), graph.last)

    def _compare(self, total: np.ndarray, which: int) -> None:
        if MEMORY_READ.error(self.case, {}, {"out": total}, self._sums[which % 2]) != 0.0:
            raise KernelError("it misread its buffer")

    def _fail(self, kernel: type[Kernel], config: Config, fault: str) -> None:
        name = _name(kernel, config)
        if not foreign(kernel):
            raise UserError(
                f"The read kernel {name} failed ({fault}): this device or its driver is not fit to "
                "be measured."
            )
        self.left_out.append(f"the read kernel {name} was left out of the sweep: {fault}")


def _name(kernel: type[Kernel], config: Config) -> str:
    return f"{kernel.provider} {config}" if config else kernel.provider


def _bind(kernel: Any, part: Any) -> Any:
    return lambda: kernel(buffer=part)
