"""Time one operator case with several providers: check, race them and the ceiling, check again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from truetpot.errors import KernelError, UserError
from truetpot.facts.hardware import Hardware
from truetpot.facts.roofline import Limit
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.entrant import Entrant
from truetpot.measure.kernel_result import KernelResult
from truetpot.measure.prepared import PreparedCase
from truetpot.measure.race import race
from truetpot.ops import Case, Operator
from truetpot.ops.guard import NONE, guarded, who
from truetpot.ops.named import TUNED, chosen
from truetpot.ops.registry import REGISTRY
from truetpot.records.words import Cache, KernelStatus
from truetpot.runtime.device import Device
from truetpot.stats import StopRule, fastest, standing


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
    prepared = PreparedCase(op, case, device, hardware=hardware)
    entries = [Contender(one) if isinstance(one, str) else one for one in providers]
    results = [_prepare(prepared, one, rotate) for one in entries]
    running = [result for result in results if result.entrant is not None]
    if not running:
        return results, True
    for result in running:
        result.status, result.reason = KernelStatus.PARTIAL, "ended during its race"
    if on_start is not None:
        on_start(results)
    tops = [] if ceiling is None else [ceiling.entrant()]
    gemm = None
    product = None if ceiling is None else ceiling.gemm
    if product is not None and ceiling is not None:
        work = prepared.bytes, prepared.flops
        near = product.may_bound(*work, ceiling.bandwidth, device.group)
        gemm = product.entrant() if near else None
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


def _prepare(prepared: PreparedCase, contender: Contender, rotate: bool) -> KernelResult:
    """Check the kernel and make its calls; a result without an entrant says why there is none."""
    op, case, device = prepared.op, prepared.case, prepared.device
    result = KernelResult(op.name, case, contender.provider, device.name, KernelStatus.SKIPPED)
    result.asked = contender.config
    result.bytes, result.flops = prepared.bytes, prepared.flops
    selection = REGISTRY.choose(op.name, case, device, contender.provider)
    if (found := selection.kernel) is None:
        result.reason = selection.reason
        if selection.fault:
            result.status = KernelStatus.WRONG
        return result
    prepared.make()  # what it raises is no kernel's fault
    try:
        choice = chosen(found, case, device, contender.config or TUNED)
        with guarded(who=who(found, case, choice.config if contender.config else NONE)):
            kernel = found.with_choice(case, device, choice)
            result.note, result.config = kernel.note(device), kernel.parameters
            result.choice = kernel.choice
            result.rounds = kernel.coarse
        verdict = prepared.check(kernel)
        result.error, result.tolerance = verdict.error, verdict.tolerance
        result.coarse = bool(verdict.coarse)
        if verdict.expected is None:
            raise KernelError(verdict.reason)
        rotation = prepared.rotation(rotate)
        result.cache, result.copies = rotation.cache, rotation.copies
        if rotation.reason:
            result.reason = rotation.reason
            return result
        result.entrant = prepared.bind(verdict.expected, rotation, result.label)
    except KernelError as fault:
        result.status, result.reason = KernelStatus.WRONG, str(fault)
    except UserError as error:  # no memory for this one's packed weights, say
        result.reason = str(error)
    return result


def _check_again(result: KernelResult) -> None:
    """After the timing, on the copies that were timed: a wrong kernel has no time."""
    entrant = result.entrant
    if entrant is not None and not entrant.fault and (reason := entrant.check_again()):
        entrant.release()
        result.status, result.reason, result.entrant = KernelStatus.WRONG, reason, None
