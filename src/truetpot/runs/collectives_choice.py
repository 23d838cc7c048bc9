"""Which kernels put the ranks' sums together in a step: the fastest here, by measurement."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.decode.preference import Preference
from truetpot.measure.collectives import (
    CollectiveResult,
    fastest,
    measure_collectives,
    slowest_s,
)
from truetpot.ops import (
    ALL_REDUCE,
    ALL_REDUCE_RMS_NORM,
    RMS_NORM,
    AllReduceCase,
    Case,
    Operator,
    RmsNormCase,
)
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.distributed import agreed
from truetpot.stats import StopRule


def choose_all_reduce(
    preference: Preference, case: AllReduceCase, norm: RmsNormCase, seconds: float
) -> tuple[Preference, list[CollectiveResult]]:
    """The same preference with the fastest way to a sum and the norm after it.

    That is the fastest ``all_reduce`` of any provider; and the preferred provider's kernel for both
    in one, if there is one and it takes no longer than the two. What was measured comes along.
    """
    device = preference.device
    both = ALL_REDUCE_RMS_NORM.case(case, norm)
    mine = [
        provider
        for provider in REGISTRY.offering(ALL_REDUCE.name)
        if REGISTRY.choose(ALL_REDUCE.name, case, device, provider).kernel is not None
    ]
    able = agreed.common(device.group, mine)
    fused = _served(preference, ALL_REDUCE_RMS_NORM, both)
    if len(able) < 2 and not fused:  # nothing to choose from
        return preference, []
    rule = StopRule(seconds=min(3.0, seconds / 4), min_samples=30, warmup_s=0.2)
    results: list[CollectiveResult] = []

    def best(op: Operator, case: Case, providers: Sequence[str]) -> CollectiveResult | None:
        found, finished = measure_collectives(op, [case], providers, device, rule)
        if not finished:
            raise KeyboardInterrupt
        results.extend(found)
        return fastest(found)  # every rank has the samples of all, so every rank finds the same

    reduce = best(ALL_REDUCE, case, able)
    chosen = {} if reduce is None else {ALL_REDUCE.name: reduce.provider}
    without: tuple[str, ...] = ()
    if fused:
        one = best(ALL_REDUCE_RMS_NORM, both, fused)
        after = best(RMS_NORM, norm, _served(preference, RMS_NORM, norm))
        two = [slowest_s(part) for part in (reduce, after) if part is not None]
        if one is None or (len(two) == 2 and slowest_s(one) > sum(two)):
            without = (ALL_REDUCE_RMS_NORM.name,)
    device.group.same((chosen, without), "choice of collectives")
    return Preference(preference.providers, device, chosen, without), results


def _served(preference: Preference, op: Operator, case: Case) -> Sequence[str]:
    """The provider that serves the case; empty if none does."""
    kernel = preference.choose(op, case).kernel
    return () if kernel is None else (kernel.provider,)
