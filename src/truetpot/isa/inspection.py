"""One kernel's machine code, counted: what it needs, what its inner loop does, what that takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from truetpot.facts.formats import format_facts, kv_bytes
from truetpot.facts.issue_rates import IssueRates
from truetpot.isa.addresses import Access, accesses, narrowest, runs
from truetpot.isa.assembly import Code, parse
from truetpot.isa.jobs import Job
from truetpot.isa.message import read_message
from truetpot.isa.model import clocks
from truetpot.isa.zeinfo import read_info
from truetpot.ops import Case, Operator
from truetpot.ops.arrays import ITEMSIZE
from truetpot.records.isa import Counts, Inspection, IssueVerdict, Listing, Loads

MARGIN = 0.8
"""Of the memory time: below it, issue is hidden with margin."""
SMALL = 0.1
"""Share of an operator's bytes below which an input is read once and then out of a cache."""
MOST = 0.9
"""Share of the weight bytes whose loads have at least the width that is reported."""


def issue_verdict(issue_over_memory: float | None) -> IssueVerdict:
    """What the ratio says."""
    if issue_over_memory is None:
        return IssueVerdict.UNKNOWN
    if issue_over_memory < MARGIN:
        return IssueVerdict.MARGIN
    return IssueVerdict.NO_MARGIN if issue_over_memory < 1 else IssueVerdict.ISSUE


def inspect(job: Job, listing: Listing, rates: IssueRates) -> Inspection:
    """What the compiler made of a job. Raises UserError where the listing is not understood."""
    code, info = parse(listing.assembly), read_info(listing.info, job.build.function)
    found = accesses(code, info, rates.register_bytes)
    cached = small_inputs(job.op, job.case)
    where, spots = _hot(code, found, cached)
    there = [a for a in found if a.index in spots]
    streamed = [a for a in there if _streams(a, cached)]
    moved = sum(a.message.nbytes for a in streamed if a.message.verb == "load")
    stored = sum(a.message.nbytes for a in streamed if a.message.verb == "store")
    instructions = [code.instructions[i] for i in sorted(spots)]
    taken = clocks(instructions, rates)
    weights = moved * weights_per_byte(job.case)
    work = sum(i.lanes for i in instructions if i.kind in ("float", "integer", "math"))
    widths = _widths(streamed)
    hardware, engines = rates.hardware, rates.engines
    ratio = memory_us = None
    if hardware is not None and engines is not None:
        memory_us = hardware.read_ms(job.op.bytes(job.case)) * 1e3
        if moved:
            issue_s = taken.issue / (engines * rates.clock_ghz * 1e9)
            ratio = issue_s / ((moved + stored) / (hardware.bandwidth_gb_s * 1e9))
    return Inspection(
        op=job.op.name,
        provider=job.provider,
        name=job.build.function,
        variant=job.build.variant,
        target=job.target,
        case=job.case.label(),
        roles=list(job.roles),
        batch=job.batch,
        simd=info.simd,
        grf=info.grf,
        spill_bytes=info.spill_bytes,
        private_bytes=info.private_bytes,
        slm_bytes=info.slm_bytes,
        barriers=info.barriers,
        has_dpas=any(i.kind == "dpas" for i in code.instructions),
        has_calls=info.has_calls or any(i.op in ("call", "calla") for i in code.instructions),
        instructions=_count(code, range(len(code.instructions)), rates),
        where=where,
        hot=_count(code, sorted(spots), rates),
        loads=_loads(there),
        weight_load_bytes=widths[0],
        weight_run_bytes=widths[1],
        streamed_bytes=moved + stored,
        lane_ops_per_weight=work / weights if weights else None,
        vector_clocks=taken.vector,
        matrix_clocks=taken.matrix,
        issue_over_memory=ratio,
        memory_us=memory_us,
        verdict=issue_verdict(ratio),
    )


def small_inputs(op: Operator, case: Case) -> set[str]:
    """Inputs that are too small to be read from memory again and again."""
    reads = op.reads(case)
    whole = sum(reads.values())
    return {name for name, nbytes in reads.items() if nbytes < SMALL * whole}


def weights_per_byte(case: Case) -> float:
    """Weights, cached elements or activations that a byte holds, scales counted as bytes."""
    first = getattr(case, "parts", (case,))[0]
    if hasattr(first, "weight_format"):
        return 8 / format_facts(first.weight_format).bits_per_weight
    if hasattr(first, "kv_format"):
        return 1 / kv_bytes(first.kv_format)
    return 1 / ITEMSIZE[first.dtype]


def _hot(code: Code, found: Sequence[Access], cached: set[str]) -> tuple[str, set[int]]:
    """The inner loops that stream, those that do at least half of what the largest does."""
    loops = {
        loop: sum(
            a.message.nbytes
            for a in found
            if a.index in loop and a.message.verb == "load" and _streams(a, cached)
        )
        for loop in code.inner_loops()
    }
    most = max(loops.values(), default=0)
    if not most:
        return "kernel", set(range(len(code.instructions)))
    return "inner loop", {i for loop, nbytes in loops.items() if 2 * nbytes >= most for i in loop}


def _streams(access: Access, cached: set[str]) -> bool:
    """Whether memory, rather than a cache, serves it. What cannot be followed counts as cached."""
    known = access.arg is not None and access.arg not in cached
    return known and access.message.verb in ("load", "store")


def _loads(there: Sequence[Access]) -> list[Loads]:
    loads = [a for a in there if a.message.verb == "load"]
    longest: Counter[int] = Counter()
    for nbytes, parts in runs(loads):
        for index in parts:
            longest[index] = max(longest[index], nbytes)
    counted = Counter(
        (
            a.arg or ("local" if a.message.space == "slm" else "?"),
            a.message.label(),
            longest[a.index],
        )
        for a in loads
    )
    return [
        Loads(arg=arg, label=label, count=n, run_bytes=nbytes)
        for (arg, label, nbytes), n in counted.items()
    ]


def _widths(streamed: Sequence[Access]) -> tuple[int | None, int | None]:
    """Of the largest input: bytes of a load, blocks that follow each other as one, and of a run."""
    loads = [a for a in streamed if a.message.verb == "load"]
    by_arg: Counter[str | None] = Counter()
    for one in loads:
        by_arg[one.arg] += one.message.nbytes
    main = next((arg for arg, _ in by_arg.most_common(1)), None)
    largest = [one for one in loads if one.arg == main]
    blocks = [nbytes for nbytes, _ in runs(a for a in largest if a.message.block)]
    scattered = [a.message.nbytes for a in largest if not a.message.block]
    run = narrowest([nbytes for nbytes, _ in runs(largest)], MOST)
    return narrowest(blocks + scattered, MOST), run


def _count(code: Code, where: Iterable[int], rates: IssueRates) -> Counts:
    some = [code.instructions[i] for i in where]
    kinds = Counter(i.kind for i in some)
    sends = Counter(read_message(i, rates.register_bytes).label() for i in some if i.kind == "send")
    return Counts(
        float=kinds["float"],
        integer=kinds["integer"],
        math=kinds["math"],
        dpas=kinds["dpas"],
        branch=kinds["branch"],
        sync=kinds["sync"],
        send=dict(sends),
    )
