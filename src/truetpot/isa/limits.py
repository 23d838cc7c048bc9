"""Four limits of a kernel in one unit: the time that each alone would take, over memory's."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.facts.issue_rates import IssueRates
from truetpot.facts.latencies import Latencies
from truetpot.isa.zeinfo import KernelInfo
from truetpot.records.isa import IssueVerdict


@dataclass(frozen=True)
class Iteration:
    """What a sub-group does once round, and how often the launch does it."""

    clocks: float
    """Of a vector engine, or of the matrix engine beside it."""
    alone_clocks: float
    local_clocks: float
    """Of a core's local memory."""
    memory_bytes: float
    """That an iteration brings from memory, on average; of several passes, what the first reads."""
    count: float | None
    """Iterations of the launch; None where they are not known."""


@dataclass(frozen=True)
class Threads:
    """Hardware threads of the card that this kernel keeps busy."""

    count: int
    by: str
    """What bounds them: ``registers``, ``local memory``, ``launch``."""
    engines: int
    """Vector engines that have one of them."""
    cores: int


@dataclass(frozen=True)
class Limits:
    """Times over the time that memory takes; None without a card to compute them for."""

    issue: float | None = None
    latency: float | None = None
    local: float | None = None

    def verdict(self) -> IssueVerdict:
        """Which limit is the tightest; UNKNOWN without issue rates."""
        found = {
            IssueVerdict.MEMORY: 1.0,
            IssueVerdict.ISSUE: self.issue,
            IssueVerdict.LATENCY: self.latency,
            IssueVerdict.LOCAL: self.local,
        }
        if self.issue is None:
            return IssueVerdict.UNKNOWN
        return max(found, key=lambda name: found[name] or 0.0)


def resident(
    info: KernelInfo,
    rates: IssueRates,
    latencies: Latencies,
    cores: int,
    launch: tuple[int, int] | None,
) -> Threads:
    """By registers, local memory and the launch: its work-groups, and the sub-groups of one."""
    most = rates.engines_per_core * latencies.threads * 128 // max(128, info.grf)
    by, each = "registers", most
    sub_groups = 1 if launch is None else launch[1]
    if slm := latencies.local_size(info.slm_bytes):
        room = max(1, (latencies.core_local_kib << 10) // slm) * sub_groups
        if room < each:
            by, each = "local memory", room
    if info.slm_bytes or info.barriers:  # a work-group is on one core, whole
        each = max(sub_groups, each // sub_groups * sub_groups)
    count = cores * min(each, most)
    if launch is not None and launch[0] * launch[1] < count:
        by, count = "launch", launch[0] * launch[1]
    groups = cores if launch is None else launch[0]
    busy = min(cores, groups)
    return Threads(count, by, min(busy * rates.engines_per_core, count), busy)


def limits(iteration: Iteration, threads: Threads, rates: IssueRates) -> Limits:
    """Of the launch; of an iteration, where nobody knows how many there are."""
    hardware = rates.hardware
    if hardware is None or not iteration.memory_bytes:
        return Limits()
    memory_s = iteration.memory_bytes / (hardware.bandwidth_gb_s * 1e9)
    clock = rates.clock_ghz * 1e9
    return Limits(
        issue=iteration.clocks / (threads.engines * clock) / memory_s,
        latency=iteration.alone_clocks / (threads.count * clock) / memory_s,
        local=iteration.local_clocks / (threads.cores * clock) / memory_s,
    )
