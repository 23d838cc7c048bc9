"""Time collectives: all ranks start together, check, race the providers, check again.

What a rank sees is its own; a result holds the samples of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec import UNSET

from truetpot.errors import KernelError
from truetpot.measure.check import Args, Expected
from truetpot.measure.entrant import Entrant
from truetpot.measure.prepared import PreparedCase
from truetpot.measure.race import race
from truetpot.measure.rotation import Rotation
from truetpot.ops import Case, Operator
from truetpot.ops.guard import guarded, who
from truetpot.ops.registry import REGISTRY, Kernel
from truetpot.records.collectives import CollectiveRow
from truetpot.records.words import Cache, KernelStatus
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed
from truetpot.stats import StopRule, Submitted

COPIES = 4
"""Buffers that the calls go through: a step's sums come out of a cache, and so do these."""
MOST_BYTES = 256 << 20


@dataclass
class CollectiveResult:
    """One provider on one case, submitted in one way."""

    op: str
    case: Case
    provider: str
    submitted: Submitted
    status: KernelStatus
    reason: str = ""
    error: float | None = None
    tolerance: float | None = None
    per_sample: int = 0
    ranks_s: list[list[float]] = field(default_factory=list)
    """Device seconds of one call, by rank and sample."""

    @property
    def payload(self) -> int:
        """Bytes that are summed or gathered; 0 for a kernel that no rank waits for."""
        first = getattr(self.case, "parts", (self.case,))[0]
        return int(getattr(first, "payload", 0))

    def percentile_s(self, percent: float) -> float:
        """Over the samples of all ranks."""
        return float(np.percentile(np.concatenate([np.asarray(s) for s in self.ranks_s]), percent))

    @property
    def medians_s(self) -> list[float]:
        """The median of each rank, in seconds."""
        return [float(np.median(samples)) for samples in self.ranks_s]

    @property
    def algorithm_gb_s(self) -> float | None:
        """Payload over the median time; None for an empty one."""
        return self.payload / self.percentile_s(50) / 1e9 if self.payload else None

    def record(self, samples: bool = False) -> CollectiveRow:
        """Seconds and bytes; None where there is no time."""
        timed = bool(self.ranks_s) and all(self.ranks_s)
        return CollectiveRow(
            op=self.op,
            case=self.case.label(),
            provider=self.provider,
            in_place=bool(getattr(self.case, "in_place", False)),
            submitted=self.submitted,
            status=self.status,
            reason=self.reason,
            payload_bytes=self.payload,
            p50_s=self.percentile_s(50) if timed else None,
            p99_s=self.percentile_s(99) if timed else None,
            rank_medians_s=self.medians_s if timed else None,
            algorithm_gb_s=self.algorithm_gb_s if timed else None,
            samples=len(self.ranks_s[0]) if timed else 0,
            calls_per_sample=self.per_sample,
            error=None if self.error == math.inf else self.error,
            tolerance=self.tolerance,
            samples_s=self.ranks_s if samples else UNSET,
        )


def measure_collectives(
    op: Operator,
    cases: Sequence[Case],
    providers: Sequence[str],
    device: Device,
    rule: StopRule,
    on_round: Callable[[float], None] | None = None,
) -> tuple[list[CollectiveResult], bool]:
    """Every provider on every case in one race, eager and captured; False if interrupted."""
    group = device.group
    results: list[CollectiveResult] = []
    entrants: list[tuple[CollectiveResult, Entrant]] = []
    for case in cases:
        prepared = PreparedCase(op, case, device)
        for provider in providers:
            new = _entered(prepared, provider)
            results += [result for result, _ in new]
            entrants += [(result, entrant) for result, entrant in new if entrant is not None]
    finished = True
    if entrants:
        finished = race([entrant for _, entrant in entrants], device, rule, on_round)
    if finished:
        for result, entrant in entrants:
            if entrant.fault:
                result.status, result.reason = KernelStatus.INVALID, entrant.fault
            elif result.submitted is Submitted.GRAPH and entrant.captured is None:
                result.status = KernelStatus.SKIPPED
                result.reason = f"{group.backend} was not captured"
            elif reason := _of_ranks(group.gather(entrant.check_again())):
                result.status, result.reason = KernelStatus.WRONG, reason
            result.per_sample = entrant.per_sample
            ok = result.status is KernelStatus.OK
            result.ranks_s = group.gather(entrant.device_s) if ok else []
    else:
        for result, _ in entrants:
            result.status, result.reason = KernelStatus.PARTIAL, "interrupted"
    for _, entrant in entrants:
        entrant.release()
    return results, finished


def _of_ranks(faults: Sequence[str]) -> str:
    """In one line; empty where no rank has any."""
    return "; ".join(f"rank {rank}: {fault}" for rank, fault in enumerate(faults) if fault)


def _entered(
    prepared: PreparedCase, provider: str
) -> list[tuple[CollectiveResult, Entrant | None]]:
    """Checked on every rank: a result for each way of submitting, with what is to be timed."""
    op, case, device = prepared.op, prepared.case, prepared.device
    group = device.group
    both = (Submitted.GRAPH, Submitted.EAGER)
    ways = both if agreed.graphs(device) else (Submitted.EAGER,)
    skipped = KernelStatus.SKIPPED
    made = [CollectiveResult(op.name, case, provider, way, skipped) for way in ways]

    def given_up(
        status: KernelStatus, reason: str
    ) -> list[tuple[CollectiveResult, Entrant | None]]:
        for result in made:
            result.status, result.reason = status, reason
        return [(result, None) for result in made]

    selection = REGISTRY.choose(op.name, case, device, provider)
    refused = group.gather(selection.reason)
    if any(refused):
        status = KernelStatus.WRONG if selection.fault else skipped
        return given_up(status, selection.reason or _of_ranks(refused))
    kernel: Kernel | None = None
    fault = ""
    try:
        with guarded(who=who(selection.required, case)):
            kernel = selection.required.make(case, device)
    except KernelError as error:
        # what a library lacks on this machine shows here: the other providers go on
        fault = str(error)
    if reason := _of_ranks(group.gather(fault)):
        return given_up(KernelStatus.WRONG, reason)
    assert kernel is not None
    verdict = prepared.check(kernel)
    for result in made:
        result.error, result.tolerance = verdict.error, verdict.tolerance
    if reason := _of_ranks(group.gather(verdict.reason)):
        return given_up(KernelStatus.WRONG, reason)
    assert verdict.expected is not None
    count = max(1, min(COPIES, MOST_BYTES // max(1, prepared.bytes)))
    copies = prepared.copies(kernel, count)
    for result in made:
        result.status = KernelStatus.OK
    return [(result, _together(prepared, verdict.expected, copies, result)) for result in made]


def _together(
    prepared: PreparedCase, expected: Expected, copies: list[Args], result: CollectiveResult
) -> Entrant:
    """The calls as all ranks make them at the same time; both ways go over the same copies."""
    return prepared.bind(
        expected,
        Rotation(Cache.HOT, len(copies)),
        f"{result.provider} {result.case.label()} {result.submitted}",
        copies,
        per_sample=len(copies),
        eager=result.submitted is Submitted.EAGER,
        elapsed=True,
        together=True,
    )


def fastest(results: Sequence[CollectiveResult]) -> CollectiveResult | None:
    """By the slowest rank's median: a collective is done when it is done everywhere."""
    timed = [result for result in results if result.status is KernelStatus.OK and result.ranks_s]
    captured = [result for result in timed if result.submitted is Submitted.GRAPH]
    return min(captured or timed, key=slowest_s, default=None)


def slowest_s(result: CollectiveResult) -> float:
    """The largest of the ranks' medians."""
    return max(result.medians_s)
