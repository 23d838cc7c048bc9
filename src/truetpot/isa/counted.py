"""A listing with everything that is counted in it: the loop that reads memory, and what it does."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.facts.formats import format_facts, kv_bytes
from truetpot.facts.issue_rates import IssueRates
from truetpot.facts.latencies import Latencies, all_latencies
from truetpot.isa.addresses import Access, accesses
from truetpot.isa.assembly import Code, Instruction, parse
from truetpot.isa.followed import Followed, follow
from truetpot.isa.jobs import Job
from truetpot.isa.launch import Launch
from truetpot.isa.loads import moved
from truetpot.isa.message import Message
from truetpot.isa.model import Clocks, clocks
from truetpot.isa.relevant import address_mask, relevant, written_mask
from truetpot.isa.scoreboard import Alone, alone
from truetpot.isa.trace import messages
from truetpot.isa.zeinfo import KernelInfo, read_info
from truetpot.ops import Case, Operator
from truetpot.ops.arrays import ITEMSIZE
from truetpot.records.isa import Listing

SMALL = 0.1
"""Share of an operator's bytes below which an input is read once and then out of a cache."""


class Counted:
    """A listing with everything that is counted in it, each thing once."""

    def __init__(self, job: Job, listing: Listing, launch: Launch | str, rates: IssueRates) -> None:
        self.job, self.rates = job, rates
        self.latencies: Latencies = all_latencies()[job.target]
        self.code: Code = parse(listing.assembly)
        self.info: KernelInfo = read_info(listing.info, job.build.function)
        width = rates.register_bytes
        self.sends: list[Message | None] = messages(self.code, width)
        self.followed: Followed = follow(self.code, self.info, launch, width, self.sends)
        self.cached = small_inputs(job.op, job.case) | self.followed.cached
        found = accesses(self.code, self.info, width)
        self.where, self.spots = hot(self.code, [a for a in found if streams(a, self.cached)])
        traced = self.followed.traced
        if self.where == "kernel" and traced is not None:
            self.spots = {i for i in self.spots if traced.counts[i]}
        self.there = [a for a in found if a.index in self.spots]
        self.streamed = [a for a in self.there if streams(a, self.cached)]

    def instructions(self) -> list[Instruction]:
        """Of the loop, or of the kernel that has none."""
        return [self.code.instructions[i] for i in sorted(self.spots)]

    def iterations(self) -> float | None:
        """Iterations of the loop in the whole launch; None if not followed."""
        followed = self.followed
        if followed.traced is None or followed.launch is None:
            return None
        if self.where == "kernel":
            return followed.traced.sub_groups * followed.launch.work_groups
        most = max(int(followed.traced.counts[i]) for i in self.spots)
        return most * followed.launch.work_groups or None

    def iteration_clocks(self) -> Clocks:
        """Of one iteration: by how often each instruction is executed, where that is known."""
        traced, iterations = self.followed.traced, self.iterations()
        if traced is None or not iterations or self.followed.launch is None:
            return clocks(self.instructions(), self.rates)
        vector = matrix = 0.0
        for i in self.spots:
            one = clocks([self.code.instructions[i]], self.rates)
            vector += one.vector * int(traced.counts[i])
            matrix += one.matrix * int(traced.counts[i])
        each = iterations / self.followed.launch.work_groups
        return Clocks(vector / each, matrix / each)

    def outside(self) -> float | None:
        """Share of a launch's clocks that is spent elsewhere."""
        if (traced := self.followed.traced) is None or self.where == "kernel":
            return None
        each = [clocks([one], self.rates).vector for one in self.code.instructions]
        whole = sum(float(n) * int(c) for n, c in zip(each, traced.counts, strict=True))
        inside = sum(each[i] * int(traced.counts[i]) for i in self.spots)
        return 1 - inside / whole if whole else None

    def alone(self) -> Alone:
        """One iteration of one thread."""
        asked = {a.index: moved([a]) for a in self.streamed if a.message.verb == "load"}
        listed = [(i, self.code.instructions[i]) for i in sorted(self.spots)]
        loops = self.where != "kernel"
        return alone(listed, self.sends, asked, loops, self.rates, self.latencies)

    def dependent(self) -> bool:
        """Whether what streams has its address from what streams."""
        if self.where == "kernel":
            return False
        width = self.rates.register_bytes
        loads = {a.index for a in self.streamed if a.message.verb == "load"}
        some = self.code.instructions
        _, needed = relevant(
            self.code,
            width,
            lambda i: address_mask(some[i], width) if i in loads else 0,
            branches=False,
        )
        return any(written_mask(some[i], width) & needed[i] for i in loads)

    def products(self) -> float:
        """Lanes that multiply 32-bit integers, for each weight."""
        lanes = sum(i.lanes for i in self.instructions() if _is_product(i))
        weights = self.weights()
        return lanes / weights if weights else 0.0

    def loaded(self) -> int:
        """Bytes that an iteration brings from memory."""
        return moved(a for a in self.streamed if a.message.verb == "load")

    def stored(self) -> int:
        """Bytes that an iteration writes."""
        return moved(a for a in self.streamed if a.message.verb == "store")

    def weights(self) -> float:
        """Weights, cached elements or activations that an iteration brings from memory."""
        return self.loaded() * weights_per_byte(self.job.case)


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


def streams(access: Access, cached: set[str]) -> bool:
    """Whether memory, rather than a cache, serves it. What cannot be followed counts as cached."""
    known = access.arg is not None and access.arg not in cached
    return known and access.message.verb in ("load", "store")


def hot(code: Code, streamed: Sequence[Access]) -> tuple[str, set[int]]:
    """The inner loops that stream, those that do at least half of what the largest does."""
    loops = {
        loop: sum(
            a.message.nbytes
            for a in streamed
            if a.index in loop and a.message.verb == "load"
        )
        for loop in code.inner_loops()
    }
    most = max(loops.values(), default=0)
    if not most:
        return "kernel", set(range(len(code.instructions)))
    return "inner loop", {i for loop, nbytes in loops.items() if 2 * nbytes >= most for i in loop}


def _is_product(one: Instruction) -> bool:
    """The half of a 32-bit integer product that each of them has once."""
    return one.op.partition(".")[0] in ("mach", "macl")
