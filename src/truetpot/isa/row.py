"""The row of one kernel, ours or of an image: what its code needs, what its loop does, how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from truetpot.facts.issue_rates import IssueRates
from truetpot.facts.latencies import Latencies
from truetpot.isa.addresses import Access
from truetpot.isa.assembly import Code, Instruction
from truetpot.isa.banks import local_clocks
from truetpot.isa.faults import Facts, faults
from truetpot.isa.limits import Iteration, Limits, Threads, limits, resident
from truetpot.isa.loads import loads_of, moved, overlap, widths
from truetpot.isa.message import Message, read_message
from truetpot.isa.model import Clocks
from truetpot.isa.scoreboard import Alone
from truetpot.isa.zeinfo import KernelInfo
from truetpot.records.isa import Counts, Inspection


@dataclass(frozen=True)
class Name:
    """Which kernel a row is of, in the record's words."""

    op: str
    provider: str
    name: str
    variant: str
    target: str
    case: str
    roles: tuple[str, ...] = ()
    batch: int = 1


@dataclass(frozen=True)
class Loop:
    """A kernel's code, and in it the loop that reads memory; all of the code where none does."""

    code: Code
    info: KernelInfo
    sends: Sequence[Message | None]
    rates: IssueRates
    latencies: Latencies
    where: str
    spots: set[int]
    """Places of the loop's instructions in the code."""
    there: Sequence[Access]
    """What the loop reads and writes."""
    streamed: Sequence[Access]
    """Of that, what memory serves and no cache."""
    clocks: Clocks
    """Of one iteration."""
    alone: Alone
    """One iteration of one thread with nobody beside it."""

    @property
    def instructions(self) -> list[Instruction]:
        """Of the loop, in the order of the code."""
        return [self.code.instructions[i] for i in sorted(self.spots)]

    @cached_property
    def local(self) -> tuple[float, float]:
        """Clocks of a core's local memory for an iteration, and those without conflicts."""
        return local_clocks(self.there, self.latencies)

    @property
    def conflicts(self) -> float | None:
        """How many times longer local memory takes than it would without; None if unused."""
        clocks, free = self.local
        return clocks / free if free else None

    @cached_property
    def widths(self) -> tuple[int | None, int | None]:
        """Bytes of a message of the largest input, and of a run of them."""
        return widths(self.streamed)

    @property
    def moved(self) -> int:
        """Bytes that an iteration brings from memory and those that it writes there."""
        verbs = ("load", "store")
        return sum(moved(one for one in self.streamed if one.message.verb == v) for v in verbs)


@dataclass(frozen=True)
class Launched:
    """What a launch tells; by default what can be said of a kernel whose launch nobody knows."""

    groups: tuple[int, int] | None = None
    """Work-groups, and sub-groups of one."""
    iterations: float | None = None
    iteration_bytes: float | None = None
    """On average over the launch; else what the code of an iteration moves."""
    kernel_bytes: int | None = None
    products: float = 0.0
    """Lanes that multiply 32-bit integers, for each weight."""
    dependent: bool = False
    passes: float | None = None
    beyond: Mapping[str, int] = field(default_factory=dict)
    """Bytes behind its end up to which an argument is used."""


UNKNOWN = Launched()


def row(
    name: Name, loop: Loop, weights: float, case_bytes: int | None, launched: Launched = UNKNOWN
) -> Inspection:
    """``weights``: that an iteration brings from memory, 0 where that is not known.

    ``case_bytes``: that the operator has to move, None without a case.

    One long function: the record has forty fields, and each is given once.
    """
    info, rates, hardware = loop.info, loop.rates, loop.rates.hardware
    cores = None if hardware is None else hardware.xe_cores
    threads = None
    if cores is not None:
        threads = resident(info, rates, loop.latencies, cores, launched.groups)
    bounds = _bounds(loop, launched, threads)
    needed = memory_us = None
    if hardware is not None:
        needed = round(hardware.bandwidth_gb_s * loop.latencies.memory_ns)
        memory_us = None if case_bytes is None else hardware.read_ms(case_bytes) * 1e3
    facts = _facts(name, loop, launched, threads, needed, case_bytes)
    some = loop.instructions
    return Inspection(
        op=name.op,
        provider=name.provider,
        name=name.name,
        variant=name.variant,
        target=name.target,
        case=name.case,
        roles=[*name.roles],
        batch=name.batch,
        simd=info.simd,
        grf=info.grf,
        spill_bytes=info.spill_bytes,
        private_bytes=info.private_bytes,
        slm_bytes=info.slm_bytes,
        barriers=info.barriers,
        has_dpas=any(i.kind == "dpas" for i in loop.code.instructions),
        has_calls=facts.has_calls,
        instructions=_count(loop.code.instructions, rates),
        where=loop.where,
        hot=_count(some, rates),
        loads=loads_of(loop.there),
        weight_load_bytes=loop.widths[0],
        weight_run_bytes=loop.widths[1],
        streamed_bytes=loop.moved,
        lane_ops_per_weight=_lanes(some) / weights if weights else None,
        vector_clocks=loop.clocks.vector,
        matrix_clocks=loop.clocks.matrix,
        issue_over_memory=bounds.issue,
        memory_us=memory_us,
        verdict=bounds.verdict(),
        opcodes=_opcodes(some),
        scratch_messages=facts.scratch_messages,
        turns=launched.iterations,
        passes=launched.passes,
        kernel_bytes=launched.kernel_bytes,
        requested_bytes=sum(one.message.nbytes for one in loop.streamed),
        threads=None if threads is None else threads.count,
        threads_by=None if threads is None else threads.by,
        in_flight_bytes=loop.alone.in_flight,
        needed_bytes=needed,
        alone_clocks=loop.alone.clocks,
        local_clocks=loop.local[0],
        bank_conflicts=loop.conflicts,
        latency_over_memory=bounds.latency,
        local_over_memory=bounds.local,
        faults=[*faults(facts)],
    )


def _bounds(loop: Loop, launched: Launched, threads: Threads | None) -> Limits:
    if threads is None:
        return Limits()
    nbytes = launched.iteration_bytes
    iteration = Iteration(
        loop.clocks.issue,
        loop.alone.clocks,
        loop.local[0],
        loop.moved if nbytes is None else nbytes,
        launched.iterations,
    )
    return limits(iteration, threads, loop.rates)


def _facts(
    name: Name,
    loop: Loop,
    launched: Launched,
    threads: Threads | None,
    needed: int | None,
    case_bytes: int | None,
) -> Facts:
    """What the kernel is judged by; how much is in flight only where its launch is known."""
    info, hardware = loop.info, loop.rates.hardware
    known = launched is not UNKNOWN
    nbytes = launched.kernel_bytes or case_bytes or 0
    in_flight = loop.alone.in_flight
    return Facts(
        spill_bytes=info.spill_bytes,
        scratch_messages=sum(m is not None and m.space == "scratch" for m in loop.sends),
        private_bytes=info.private_bytes,
        has_calls=info.has_calls or any(i.op in ("call", "calla") for i in loop.code.instructions),
        load_bytes=loop.widths[0],
        overlap=overlap(loop.streamed),
        products=launched.products,
        loops=loop.where != "kernel",
        conflicts=loop.conflicts,
        dependent=launched.dependent,
        in_flight=in_flight,
        in_flight_on_card=in_flight * (threads.count if threads else 0),
        needed=needed if known else None,
        passes=launched.passes,
        rows=max(1, name.batch) if known else 1,
        beyond=dict(launched.beyond),
        kernel_bytes=nbytes,
        memory_us=None if hardware is None or not nbytes else hardware.read_ms(nbytes) * 1e3,
    )


def _lanes(instructions: Sequence[Instruction]) -> int:
    """Lanes that arithmetic instructions occupy."""
    return sum(i.lanes for i in instructions if i.kind in ("float", "integer", "math"))


def _opcodes(instructions: Sequence[Instruction]) -> dict[str, int]:
    """How often each name occurs, the most frequent first."""
    return dict(Counter(i.op.partition(".")[0] for i in instructions).most_common())


def _count(some: Iterable[Instruction], rates: IssueRates) -> Counts:
    """Instructions by class, sends by what they move."""
    listed = [*some]
    kinds = Counter(i.kind for i in listed)
    sends = Counter(
        read_message(i, rates.register_bytes).label() for i in listed if i.kind == "send"
    )
    return Counts(
        float=kinds["float"],
        integer=kinds["integer"],
        math=kinds["math"],
        dpas=kinds["dpas"],
        branch=kinds["branch"],
        sync=kinds["sync"],
        send=dict(sends),
    )
