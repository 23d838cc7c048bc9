"""Time one operator case with several providers: check first, then race them and the ceiling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.check import KernelError, check, prepare
from truetpot.measure.race import Entrant, race, ratio
from truetpot.ops import Case, Operator
from truetpot.ops.operator import Inputs
from truetpot.ops.registry import REGISTRY, Config, Kernel
from truetpot.runtime.device import Device
from truetpot.stats import StopRule

ROTATED_BYTES = 1 << 30
"""Weights and KV rotate through at least this much, or four times the cache if that is more."""
MOST_COPIES = 1024
FEW_COPIES = 8
"""Of inputs without weights or KV: in a decode step they come out of a cache too."""


@dataclass
class KernelResult:
    """One provider on one case. ``status``: ok, coarse, invalid, wrong, skipped, partial.

    ``coarse`` is timed, but not at the operator's precision: its arithmetic rounds further.
    """

    op: str
    case: Case
    provider: str
    device: str
    status: str
    reason: str = ""
    error: float | None = None
    tolerance: float | None = None
    cache: str = ""
    """``rotated``: every call on other memory; ``hot``: inputs that a cache may hold."""
    copies: int = 0
    entrant: Entrant | None = None
    share_of_ceiling: float | None = None
    time_over_best: float | None = None
    """Median over the rounds of this provider's time over the fastest provider's."""
    bytes: int = 0
    flops: int = 0
    note: str = ""
    rounds: str = ""
    """What the kernel's arithmetic rounds further than the operator's, by design."""
    coarse: bool = False
    """Whether that takes its error above the tolerance."""
    config: Config | None = None
    """Launch parameters; None where there was no kernel."""

    @property
    def known(self) -> bool:
        """Whether there is a time, or a fault that takes its place."""
        timed = self.entrant is not None and bool(self.entrant.device_s)
        return timed or self.status in ("wrong", "invalid")

    def to_json(self, samples: bool = False) -> dict[str, Any]:
        """The record: seconds, bytes; null where there is no time."""
        timed = self.entrant if self.entrant is not None and self.entrant.device_s else None
        numbers: dict[str, Any] = dict.fromkeys(
            (
                "median_s", "ci_s", "cv", "min_s", "samples", "calls_per_sample", "submitted",
                "wall_median_s", "stop", "gb_s",
            )
        )
        if timed is not None:
            device, wall = timed.stats, timed.wall
            numbers = {
                "median_s": device.median_s,
                "ci_s": [device.low_s, device.high_s],
                "cv": device.cv,
                "min_s": device.min_s,
                "samples": device.count,
                "calls_per_sample": timed.per_sample,
                "submitted": timed.submitted,
                "wall_median_s": wall.median_s,
                "stop": timed.stop,
                "gb_s": self.bytes / device.median_s / 1e9,
            }
            if samples:
                numbers["samples_s"] = list(timed.device_s)
        return {
            "op": self.op,
            "case": self.case.label(),
            "format": self.case.format,
            "provider": self.provider,
            "device": self.device,
            "status": self.status,
            "reason": self.reason,
            **numbers,
            "bytes": self.bytes,
            "flops": self.flops,
            "share_of_ceiling": self.share_of_ceiling,
            "time_over_best": self.time_over_best,
            # a shape or an exception has no size, and JSON no infinity
            "error": None if self.error == math.inf else self.error,
            "tolerance": self.tolerance,
            "cache": self.cache,
            "copies": self.copies,
            "note": self.note,
            "config": self.config,
        }


def copies_needed(op: Operator, case: Case, device: Device) -> tuple[str, int]:
    """How the case is kept out of the cache, and through how many copies it rotates."""
    resident = ("weight", "k_cache", "v_cache", "table", "buffer")
    size = sum(count for name, count in op.reads(case).items() if name in resident)
    if size == 0 or op.name in ("embedding", "rope_append"):
        return "hot", FEW_COPIES
    target = max(ROTATED_BYTES, 4 * device.cache_bytes())
    return "rotated", int(min(MOST_COPIES, max(2, -(-target // size))))


@dataclass(frozen=True)
class Rotation:
    """Through how many copies of its inputs a case goes, and why it is ``rotated`` or ``hot``."""

    cache: str
    copies: int
    reason: str = ""
    """Why it cannot be timed: too few copies fit in memory. Empty when it can."""


def plan_rotation(op: Operator, case: Case, device: Device, rotate: bool = True) -> Rotation:
    """As many copies as are needed, or as half of the free memory holds; few if not ``rotate``."""
    cache, wanted = copies_needed(op, case, device) if rotate else ("hot", FEW_COPIES)
    size = max(1, op.bytes(case))
    copies = min(wanted, max(1, int(0.5 * device.free_bytes() // size)))
    if cache == "hot" or copies == wanted or copies * size >= 4 * device.cache_bytes():
        return Rotation(cache, copies)
    return Rotation(
        cache,
        copies,
        f"{copies} copies fit in memory where {wanted} are needed to stay out of the cache; use a "
        "smaller case",
    )


def measure_kernels(
    op: Operator,
    case: Case,
    providers: Sequence[str],
    device: Device,
    ceiling: Ceiling | None,
    rule: StopRule,
    hardware: Hardware | None = None,
    on_round: Callable[[float], None] | None = None,
    rotate: bool = True,
    on_start: Callable[[list[KernelResult]], None] | None = None,
) -> tuple[list[KernelResult], bool]:
    """Every provider's result, in the order given; False with it if the user interrupted.

    Without a ceiling there is no share of it, and nothing that empties the cache between samples.
    ``rotate`` False times every case hot, on few copies. ``on_start`` is given the results before
    the race; those that take part are ``partial`` until it ends.
    """
    rng = np.random.default_rng(0)
    results = [_prepare(op, case, p, device, hardware, rng, rotate) for p in providers]
    running = [result for result in results if result.entrant is not None]
    if not running:
        return results, True
    for result in running:
        result.status, result.reason = "partial", "ended during its race"
    if on_start is not None:
        on_start(results)
    tops = [] if ceiling is None else [ceiling.entrant()]
    finished = race([*(r.entrant for r in running if r.entrant), *tops], device, rule, on_round)
    _judge(running, tops[0] if tops else None, finished)
    for result in running:
        if result.entrant is not None:
            result.entrant.release()  # a gigabyte of copies hangs on its calls
    return results, finished


def _judge(running: list[KernelResult], top: Entrant | None, finished: bool) -> None:
    timed = [r for r in running if r.entrant is not None and r.entrant.device_s]
    for result in running:
        if result not in timed:
            result.status, result.reason = "partial", "interrupted before its first sample"
    for result in timed:
        entrant = result.entrant
        assert entrant is not None
        result.status = ("coarse" if result.coarse else "ok") if finished else "partial"
        result.reason = result.rounds
        if impossible := entrant.impossible():
            result.status, result.reason = "invalid", impossible
        if top is not None and top.device_s:
            result.share_of_ceiling = entrant.share_of(top)
    valid = [r.entrant for r in timed if r.status != "invalid" and r.entrant is not None]
    # a coarse kernel is no rival, unless all are
    valid = [r.entrant for r in timed if r.entrant in valid and not r.coarse] or valid
    if valid:
        # by ratios of the same rounds: two medians over a drifting machine may say the opposite
        best = min(valid, key=lambda e: ratio(e, valid[0]).median)
        for result in timed:
            assert result.entrant is not None
            result.time_over_best = ratio(result.entrant, best).median


def _prepare(
    op: Operator,
    case: Case,
    provider: str,
    device: Device,
    hardware: Hardware | None,
    rng: np.random.Generator,
    rotate: bool,
) -> KernelResult:
    """Check the kernel and make its calls; a result without an entrant says why there is none."""
    result = KernelResult(op.name, case, provider, device.name, "skipped")
    result.bytes, result.flops = op.bytes(case), op.flops(case)
    found = REGISTRY.find(op.name, provider, case, device)
    if isinstance(found, str):
        result.reason = found
        return result
    try:
        kernel = found.make(case, device)
        result.note, result.config = kernel.note(device), kernel.parameters
    except Exception as error:  # noqa: BLE001
        # a kernel may be anyone's: whatever it raises is its fault
        result.status, result.reason = "wrong", f"{type(error).__name__}: {error}"
        return result
    verdict = check(kernel, case, rng)
    result.error, result.tolerance = verdict.error, verdict.tolerance
    result.rounds, result.coarse = kernel.coarse, bool(verdict.coarse)
    if not verdict.ok:
        result.status, result.reason = "wrong", verdict.reason
        return result
    rotation = plan_rotation(op, case, device, rotate)
    result.cache, result.copies = rotation.cache, rotation.copies
    if rotation.reason:
        result.reason = rotation.reason
        return result
    host = op.inputs(case, rng)
    calls = [_bind(kernel, _copy(kernel, host)) for _ in range(result.copies)]
    floor_s = None
    if hardware is not None and result.cache == "rotated":
        floor_s = result.bytes / (hardware.bandwidth_gb_s * 1e9)
    result.entrant = Entrant(provider, calls, result.bytes, floor_s)
    return result


def _copy(kernel: Kernel, host: Inputs) -> dict[str, Any]:
    """The host inputs once more on the device, at other addresses."""
    try:
        return prepare(kernel, host)
    except KernelError as error:
        raise UserError(f"The {kernel.provider} {kernel.op.name} kernel: {error}.") from error


def _bind(kernel: Kernel, args: dict[str, Any]) -> Callable[[], Any]:
    return lambda: kernel(**args)
