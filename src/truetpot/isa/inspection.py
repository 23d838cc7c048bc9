"""One kernel's machine code, counted: what it needs, what its inner loop does, what that takes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

from truetpot.facts.issue_rates import IssueRates
from truetpot.isa.assembly import Code, Instruction
from truetpot.isa.banks import local_clocks
from truetpot.isa.counted import Counted
from truetpot.isa.faults import Facts, faults
from truetpot.isa.jobs import Job
from truetpot.isa.launch import Launch
from truetpot.isa.limits import Iteration, Limits, limits, resident
from truetpot.isa.loads import loads_of, overlap, widths
from truetpot.isa.message import read_message
from truetpot.kernels._lib.opencl.kernel import source_text
from truetpot.records.isa import Counts, Inspection, Listing
from truetpot.runtime.opencl.build import options


def inspect(job: Job, listing: Listing, launch: Launch | str, rates: IssueRates) -> Inspection:
    """What the compiler made of a job. Raises UserError where the listing is not understood."""
    one = Counted(job, listing, launch, rates)
    info, followed = one.info, one.followed
    taken, alone_, iterations = one.iteration_clocks(), one.alone(), one.iterations()
    weights, wide = one.weights(), widths(one.streamed)
    local, local_free = local_clocks(one.there, one.latencies)
    hardware = rates.hardware
    cores = None if hardware is None else hardware.xe_cores
    threads = (
        None if cores is None else resident(info, rates, one.latencies, cores, followed.groups)
    )
    nbytes: float = one.loaded() + one.stored()
    if iterations and followed.kernel_bytes:
        nbytes = followed.kernel_bytes / iterations
    iteration = Iteration(taken.issue, alone_.clocks, local, nbytes, iterations)
    bounds = Limits() if threads is None else limits(iteration, threads, rates)
    needed = None
    if hardware is not None:
        needed = round(hardware.bandwidth_gb_s * one.latencies.memory_ns)
    memory_us = None if hardware is None else hardware.read_ms(job.op.bytes(job.case)) * 1e3
    kernel_us = memory_us
    if hardware is not None and followed.kernel_bytes is not None:
        kernel_us = hardware.read_ms(followed.kernel_bytes) * 1e3
    scratch = sum(m is not None and m.space == "scratch" for m in one.sends)
    has_calls = info.has_calls or any(i.op in ("call", "calla") for i in one.code.instructions)
    conflicts = local / local_free if local_free else None
    text = source_text(job.build)
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
        has_dpas=any(i.kind == "dpas" for i in one.code.instructions),
        has_calls=has_calls,
        instructions=count(one.code, range(len(one.code.instructions)), rates),
        where=one.where,
        hot=count(one.code, sorted(one.spots), rates),
        loads=loads_of(one.there),
        weight_load_bytes=wide[0],
        weight_run_bytes=wide[1],
        streamed_bytes=one.loaded() + one.stored(),
        lane_ops_per_weight=lanes_of(one.instructions()) / weights if weights else None,
        vector_clocks=taken.vector,
        matrix_clocks=taken.matrix,
        issue_over_memory=bounds.issue,
        memory_us=memory_us,
        verdict=bounds.verdict(),
        config={name: str(value) for name, value in job.config.items()},
        macros={name: str(value) for name, value in job.build.macros.items()},
        options=[*options(job.build)],
        source_digest=hashlib.sha256(text.encode()).hexdigest(),
        opcodes=opcodes(one.instructions()),
        scratch_messages=scratch,
        work_groups=None if followed.launch is None else followed.launch.work_groups,
        sub_groups=None if followed.launch is None else followed.sub_groups,
        turns=iterations,
        passes=followed.passes,
        kernel_bytes=followed.kernel_bytes,
        outside_loop=one.outside(),
        requested_bytes=sum(a.message.nbytes for a in one.streamed),
        threads=None if threads is None else threads.count,
        threads_by=None if threads is None else threads.by,
        in_flight_bytes=alone_.in_flight,
        needed_bytes=needed,
        alone_clocks=alone_.clocks,
        local_clocks=local,
        bank_conflicts=conflicts,
        products_per_weight=one.products() if weights else None,
        latency_over_memory=bounds.latency,
        local_over_memory=bounds.local,
        faults=[
            *faults(
                Facts(
                    spill_bytes=info.spill_bytes,
                    scratch_messages=scratch,
                    private_bytes=info.private_bytes,
                    has_calls=has_calls,
                    load_bytes=wide[0],
                    overlap=overlap(one.streamed),
                    products=one.products(),
                    loops=one.where != "kernel",
                    conflicts=conflicts,
                    dependent=one.dependent(),
                    in_flight=alone_.in_flight,
                    in_flight_on_card=alone_.in_flight * (threads.count if threads else 0),
                    needed=needed,
                    passes=followed.passes,
                    rows=max(1, job.batch),
                    beyond=followed.beyond,
                    kernel_bytes=followed.kernel_bytes or job.op.bytes(job.case),
                    memory_us=kernel_us,
                )
            )
        ],
        not_followed=followed.reason,
    )


def lanes_of(instructions: Sequence[Instruction]) -> int:
    """Lanes that arithmetic instructions occupy."""
    return sum(i.lanes for i in instructions if i.kind in ("float", "integer", "math"))


def opcodes(instructions: Sequence[Instruction]) -> dict[str, int]:
    """How often each name occurs, the most frequent first."""
    return dict(Counter(i.op.partition(".")[0] for i in instructions).most_common())


def count(code: Code, where: Iterable[int], rates: IssueRates) -> Counts:
    """Instructions at some places by class, sends by what they move."""
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
