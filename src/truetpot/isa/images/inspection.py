"""One kernel of a device image, counted as ours are: the row of the same table.

Nobody knows how it is launched or what its arguments are for: SYCL passes structs, and addresses
come out of them. So one pass over what it reads is taken, every load but those of local memory and
scratch counts as one from memory, and the largest input is the one of which an iteration loads the
most bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.errors import UserError
from truetpot.facts.issue_rates import IssueRates
from truetpot.facts.latencies import all_latencies
from truetpot.isa.addresses import Access, accesses
from truetpot.isa.assembly import parse
from truetpot.isa.banks import local_clocks
from truetpot.isa.counted import hot, weights_per_byte
from truetpot.isa.faults import Facts, faults
from truetpot.isa.inspection import count, lanes_of, opcodes
from truetpot.isa.limits import Iteration, Limits, limits, resident
from truetpot.isa.loads import loads_of, moved, overlap, widths
from truetpot.isa.model import clocks
from truetpot.isa.scoreboard import alone
from truetpot.isa.trace import messages
from truetpot.isa.zeinfo import KernelInfo, YAMLError, read_info
from truetpot.ops import Case, Operator
from truetpot.records.isa import Inspection, Listing
from truetpot.text import escaped

NOT_FOLLOWED = "its launch is not known"
OP = "image"


@dataclass(frozen=True)
class Where:
    """Which kernel it is: the package, the library in it, the entry point and its target."""

    package: str
    library: str
    kernel: str
    """As the image has it."""
    target: str


@dataclass(frozen=True)
class Shape:
    """What it is held against: an operator on a case; None where none was given."""

    op: Operator
    case: Case
    batch: int


def inspect_image(
    where: Where, listing: Listing, rates: IssueRates, shape: Shape | None
) -> Inspection:
    """The row. Raises UserError where the listing is not understood."""
    code, info = parse(listing.assembly), _info(listing, where.kernel)
    width, latencies = rates.register_bytes, all_latencies()[where.target]
    sends = messages(code, width)
    found = accesses(code, info, width)
    place, spots = hot(code, [one for one in found if _of_memory(one)])
    there = [one for one in found if one.index in spots]
    streamed = [one for one in there if _of_memory(one)]
    some = [code.instructions[i] for i in sorted(spots)]
    taken = clocks(some, rates)
    asked = {one.index: moved([one]) for one in streamed if one.message.verb == "load"}
    listed = [(i, code.instructions[i]) for i in sorted(spots)]
    single = alone(listed, sends, asked, place != "kernel", rates, latencies)
    local, local_free = local_clocks(there, latencies)
    hardware, loaded, wide = rates.hardware, sum(asked.values()), widths(streamed)
    cores = None if hardware is None else hardware.xe_cores
    threads = None if cores is None else resident(info, rates, latencies, cores, None)
    iteration = Iteration(taken.issue, single.clocks, local, moved(streamed), None)
    bounds = Limits() if threads is None else limits(iteration, threads, rates)
    needed = memory_us = None
    if hardware is not None:
        needed = round(hardware.bandwidth_gb_s * latencies.memory_ns)
        if shape is not None:
            memory_us = hardware.read_ms(shape.op.bytes(shape.case)) * 1e3
    weights = 0.0 if shape is None else loaded * weights_per_byte(shape.case)
    scratch = sum(one is not None and one.space == "scratch" for one in sends)
    has_calls = info.has_calls or any(i.op in ("call", "calla") for i in code.instructions)
    conflicts = local / local_free if local_free else None
    facts = Facts(
        spill_bytes=info.spill_bytes,
        scratch_messages=scratch,
        private_bytes=info.private_bytes,
        has_calls=has_calls,
        load_bytes=wide[0],
        overlap=overlap(streamed),
        products=0.0,  # of which argument the weights are is not known
        loops=place != "kernel",
        conflicts=conflicts,
        dependent=False,
        in_flight=single.in_flight,
        in_flight_on_card=single.in_flight * (threads.count if threads else 0),
        needed=None,
        passes=None,
        rows=1,
        beyond={},
        kernel_bytes=0 if shape is None else shape.op.bytes(shape.case),
        memory_us=memory_us,
    )
    return Inspection(
        op=OP,
        provider=where.package,
        name=where.kernel,
        variant=where.library,
        target=where.target,
        case="" if shape is None else shape.case.label(),
        roles=[],
        batch=1 if shape is None else shape.batch,
        simd=info.simd,
        grf=info.grf,
        spill_bytes=info.spill_bytes,
        private_bytes=info.private_bytes,
        slm_bytes=info.slm_bytes,
        barriers=info.barriers,
        has_dpas=any(i.kind == "dpas" for i in code.instructions),
        has_calls=has_calls,
        instructions=count(code, range(len(code.instructions)), rates),
        where=place,
        hot=count(code, sorted(spots), rates),
        loads=loads_of(there),
        weight_load_bytes=wide[0],
        weight_run_bytes=wide[1],
        streamed_bytes=moved(streamed),
        lane_ops_per_weight=lanes_of(some) / weights if weights else None,
        vector_clocks=taken.vector,
        matrix_clocks=taken.matrix,
        issue_over_memory=bounds.issue,
        memory_us=memory_us,
        verdict=bounds.verdict(),
        opcodes=opcodes(some),
        scratch_messages=scratch,
        requested_bytes=sum(one.message.nbytes for one in streamed),
        threads=None if threads is None else threads.count,
        threads_by=None if threads is None else threads.by,
        in_flight_bytes=single.in_flight,
        needed_bytes=needed,
        alone_clocks=single.clocks,
        local_clocks=local,
        bank_conflicts=conflicts,
        latency_over_memory=bounds.latency,
        local_over_memory=bounds.local,
        faults=[*faults(facts)],
        not_followed=NOT_FOLLOWED,
    )


def _of_memory(access: Access) -> bool:
    message = access.message
    return message.verb in ("load", "store") and message.space not in ("slm", "scratch")


def _info(listing: Listing, kernel: str) -> KernelInfo:
    try:
        return read_info(listing.info, kernel)
    except (AttributeError, LookupError, TypeError, ValueError, YAMLError) as error:
        raise UserError(
            f"The image's .ze_info does not say what {escaped(kernel)} needs "
            f"({type(error).__name__}); give an image of a compiler of Intel's."
        ) from None
