"""Time one operator case with several providers: check, race them and the ceiling, check again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from truetpot.errors import KernelError, UserError
from truetpot.facts.hardware import Hardware
from truetpot.facts.roofline import Limit
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.check import check_on, prepare
from truetpot.measure.entrant import Entrant
from truetpot.measure.kernel_result import KernelResult
from truetpot.measure.race import race
from truetpot.measure.recheck import timed_calls
from truetpot.ops import Case, Operator
from truetpot.ops.guard import NONE, guarded, who
from truetpot.ops.named import TUNED, chosen
from truetpot.ops.operator import Inputs, Outputs
from truetpot.ops.registry import REGISTRY, Fault, Kernel
from truetpot.records.words import Cache, KernelStatus
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed
from truetpot.stats import StopRule, fastest, standing

ROTATED_BYTES = 1 << 30
"""Weights and KV rotate through at least this much, or four times the cache if that is more."""
MOST_COPIES = 1024
"""A case so small that as many do not fill the cache four times over is timed ``hot``."""
FEW_COPIES = 8
"""Of inputs without weights or KV: in a decode step they come out of a cache too."""


def copies_needed(op: Operator, case: Case, device: Device) -> tuple[Cache, int]:
    """How the case is kept out of the cache, and through how many copies it rotates."""
    size = op.resident_reads(case)
    if size == 0:
        return Cache.HOT, FEW_COPIES
    cold = 4 * agreed.cache_bytes(device)
    if MOST_COPIES * size < cold:
        return Cache.HOT, FEW_COPIES
    return Cache.ROTATED, int(min(MOST_COPIES, max(2, -(-max(ROTATED_BYTES, cold) // size))))


@dataclass(frozen=True)
class Rotation:
    """Through how many copies of its inputs a case goes, and where they then come from."""

    cache: Cache
    copies: int
    reason: str = ""
    """Why it cannot be timed: too few copies fit in memory. Empty when it can."""


def plan_rotation(op: Operator, case: Case, device: Device, rotate: bool = True) -> Rotation:
    """As many copies as are needed, or as half of the free memory holds; few if not ``rotate``.

    Several ranks take as many each, all ask for it together.
    """
    cache, wanted = copies_needed(op, case, device) if rotate else (Cache.HOT, FEW_COPIES)
    size = max(1, op.bytes(case))
    free, last_level = agreed.free_bytes(device), agreed.cache_bytes(device)
    fitting = wanted if free is None else max(1, int(0.5 * free // size))
    copies = min(wanted, fitting)
    if cache is Cache.HOT or copies == wanted or copies * size >= 4 * last_level:
        return Rotation(cache, copies)
    return Rotation(
        cache,
        copies,
        f"{copies} copies fit in memory where {wanted} are needed to stay out of the cache; use a "
        "smaller case",
    )


@dataclass(frozen=True)
class Contender:
    """A provider's kernel, with the launch parameters that are usual or that ``config`` names."""

    provider: str
    config: str = ""
    """``default``, ``tuned`` or ``rows=2,split=4``; empty: the usual ones."""


def measure_kernels(
    op: Operator,
    case: Case,
    providers: Sequence[str | Contender],
    device: Device,
    ceiling: Ceiling | None,
    rule: StopRule,
    hardware: Hardware | None = None,
    on_round: Callable[[float], None] | None = None,
    rotate: bool = True,
    on_start: Callable[[list[KernelResult]], None] | None = None,
) -> tuple[list[KernelResult], bool]:
    """Every contender's result, in the order given; False with it if the user interrupted.

    A name alone is a provider with its usual launch parameters.

    Without a ceiling there is no share of it, and nothing that empties the cache between samples.
    ``rotate`` False times every case hot, on few copies. ``on_start`` is given the results before
    the race; those that take part are ``partial`` until it ends.
    """
    given = Given(op, case)
    entries = [Contender(one) if isinstance(one, str) else one for one in providers]
    results = [_prepare(given, one, device, hardware, rotate) for one in entries]
    running = [result for result in results if result.entrant is not None]
    if not running:
        return results, True
    for result in running:
        result.status, result.reason = KernelStatus.PARTIAL, "ended during its race"
    if on_start is not None:
        on_start(results)
    tops = [] if ceiling is None else [ceiling.entrant()]
    gemm = None
    if ceiling is not None and ceiling.gemm is not None:
        work = op.bytes(case), op.flops(case)
        if ceiling.gemm.may_bound(*work, ceiling.bandwidth, device.group):
            gemm = ceiling.gemm.entrant()
    entrants = [result.entrant for result in running if result.entrant is not None]
    finished = race(
        [*entrants, *tops, *([] if gemm is None else [gemm])],
        device,
        rule,
        on_round,
        lambda lost: not all(entrant.fault for entrant in entrants),
    )
    with suppress(KeyboardInterrupt):  # a second one: what is not looked at again stays as it is
        for result in running:
            _check_again(result)
    running = [result for result in running if result.entrant is not None]
    fault = tops[0].fault or tops[0].check_again() if tops else ""
    _judge(running, tops[0] if tops and not fault else None, gemm, finished)
    _beside_first(results)
    if fault:
        for result in running:
            result.reason = result.reason or f"no share of the ceiling: its read kernel {fault}"
    for result in running:
        if result.entrant is not None:
            result.entrant.release()  # a gigabyte of copies hangs on its calls
    return results, finished


def _judge(
    running: list[KernelResult], top: Entrant | None, gemm: Entrant | None, finished: bool
) -> None:
    timed = [r for r in running if r.entrant is not None and r.entrant.device_s]
    for result in running:
        if result in timed:
            continue
        result.status = KernelStatus.PARTIAL
        result.reason = "interrupted before its first sample"
        if result.entrant is not None and result.entrant.fault:
            result.status, result.reason = KernelStatus.INVALID, result.entrant.fault
    for result in timed:
        entrant = result.entrant
        assert entrant is not None
        result.status = KernelStatus.COARSE if result.coarse else KernelStatus.OK
        if not finished:
            result.status = KernelStatus.PARTIAL
        result.reason = result.rounds
        if impossible := entrant.impossible():
            result.status, result.reason = KernelStatus.INVALID, impossible
        if entrant.fault:
            result.status, result.reason = KernelStatus.INVALID, entrant.fault
        if top is not None and top.device_s and result.cache is Cache.ROTATED:
            result.share, result.ceiling = entrant.share_of(top), top.samples()
            result.bound_by = Limit.BYTES
            if gemm is not None and gemm.device_s and not gemm.fault:
                computed = entrant.share_of(gemm, Limit.OPERATIONS)
                if computed.median > result.share.median:
                    result.share, result.gemm = computed, gemm.samples()
                    result.bound_by = Limit.OPERATIONS
    valid = [
        r.entrant for r in timed if r.status is not KernelStatus.INVALID and r.entrant is not None
    ]
    # a coarse kernel is no rival, unless all are
    valid = [r.entrant for r in timed if r.entrant in valid and not r.coarse] or valid
    if valid:
        best = fastest(valid)
        for result in timed:
            assert result.entrant is not None
            result.standing = standing(result.entrant, best)


def _beside_first(results: Sequence[KernelResult]) -> None:
    """Each configuration that ``--config`` named beside the first of them, where both have times.

    Of a kernel that is invalid there is no time to compare.
    """
    first, *others = results
    if not first.asked or first.standing is None or first.entrant is None:
        return
    for result in others:
        if result.standing is not None and result.entrant is not None:
            result.beside_first = standing(result.entrant, first.entrant)


class Given:
    """One case's random inputs, the same for every provider."""

    def __init__(self, op: Operator, case: Case) -> None:
        self.op, self.case = op, case

    @cached_property
    def checked(self) -> tuple[Inputs, Outputs]:
        """What kernels are checked on, and its reference."""
        inputs = self.op.inputs(self.case, np.random.default_rng(0))
        return inputs, self.op.reference(self.case, inputs)

    @cached_property
    def timed(self) -> Inputs:
        """Other values for the timing, over the same weights: what is kept of one shows."""
        inputs = self.op.inputs(self.case, np.random.default_rng(1))
        return inputs | {name: self.checked[0][name] for name in self.op.weights}


def _prepare(
    given: Given, contender: Contender, device: Device, hardware: Hardware | None, rotate: bool
) -> KernelResult:
    """Check the kernel and make its calls; a result without an entrant says why there is none."""
    op, case, provider = given.op, given.case, contender.provider
    result = KernelResult(op.name, case, provider, device.name, KernelStatus.SKIPPED)
    result.asked = contender.config
    result.bytes, result.flops = op.bytes(case), op.flops(case)
    found = REGISTRY.find(op.name, provider, case, device)
    if isinstance(found, str):
        result.reason = found
        if isinstance(found, Fault):
            result.status = KernelStatus.WRONG
        return result
    host, want = given.checked
    try:
        choice = chosen(found, case, device, contender.config or TUNED)
        with guarded(who=who(found, case, choice.config if contender.config else NONE)):
            kernel = found.with_choice(case, device, choice)
            result.note, result.config = kernel.note(device), kernel.parameters
            result.choice = kernel.choice
            result.rounds = kernel.coarse
        verdict = check_on(kernel, case, host, want)
        result.error, result.tolerance = verdict.error, verdict.tolerance
        result.coarse = bool(verdict.coarse)
        if verdict.expected is None:
            raise KernelError(verdict.reason)
        rotation = plan_rotation(op, case, device, rotate)
        result.cache, result.copies = rotation.cache, rotation.copies
        if rotation.reason:
            result.reason = rotation.reason
            return result
        copies = [prepare(kernel, given.timed) for _ in range(result.copies)]
    except KernelError as fault:
        result.status, result.reason = KernelStatus.WRONG, str(fault)
        return result
    except UserError as error:  # no memory for this one's packed weights, say
        result.reason = str(error)
        return result
    floor_s = None
    if hardware is not None and result.cache is Cache.ROTATED:
        floor_s = least_s(found, case, hardware)
    result.entrant = timed_calls(
        result.label, verdict.expected, copies, given.timed, bytes=result.bytes,
        operations=result.flops, floor_s=floor_s,
    )  # fmt: skip
    return result


def least_s(kernel: type[Kernel], case: Case, hardware: Hardware) -> float:
    """Seconds below which no call of a kernel can be that reads from memory, on a known card.

    A coarse kernel may multiply at the rate of 8-bit operands.
    """
    dtype = "int8" if kernel.coarse else case.dtype
    op = kernel.op
    return hardware.least_ms(op.bytes(case), op.flops(case), dtype) * 1e-3


def _check_again(result: KernelResult) -> None:
    """After the timing, on the copies that were timed: a wrong kernel has no time."""
    entrant = result.entrant
    if entrant is not None and not entrant.fault and (reason := entrant.check_again()):
        entrant.release()
        result.status, result.reason, result.entrant = KernelStatus.WRONG, reason, None
