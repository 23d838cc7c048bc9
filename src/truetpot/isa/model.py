"""How long the engines take to issue instructions; docs/isa.md has the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from truetpot.facts.issue_rates import IssueRates
from truetpot.isa.assembly import Instruction, Operand


@dataclass(frozen=True)
class Clocks:
    """Clocks of one engine for some instructions of one sub-group."""

    vector: float
    matrix: float

    @property
    def issue(self) -> float:
        """The two kinds of engine work side by side; everything else takes its turn."""
        return max(self.vector, self.matrix)


def clocks(instructions: Iterable[Instruction], rates: IssueRates) -> Clocks:
    """Clocks of a stretch of code that is executed once, by engine."""
    vector = matrix = 0.0
    for instruction in instructions:
        if instruction.kind == "dpas":
            matrix += rates.dpas_passes * int(instruction.op.rpartition("x")[2])
        vector += vector_clocks(instruction, rates)
    return Clocks(vector, matrix)


def vector_clocks(instruction: Instruction, rates: IssueRates) -> int:
    """A clock a pass, and another for a pass whose sources meet in one bundle of a bank."""
    kind = instruction.kind
    if kind not in ("float", "integer", "math"):
        return 1
    count = passes(instruction, rates)
    if kind == "math":
        return count * rates.math_passes
    times = rates.mach_passes if instruction.op.split(".")[0] in ("mach", "macl") else 1
    conflicts = sum(_conflict(instruction, i, count, rates) for i in range(count))
    return count * times + conflicts


def passes(instruction: Instruction, rates: IssueRates) -> int:
    """How many registers' width of lanes the instruction covers, by its widest operand."""
    operands = [o for o in (instruction.dst, *instruction.sources) if o is not None]
    spans = [o.span(instruction.lanes) for o in operands if o.file != "imm" and o.stride]
    return max(1, -(-max(spans, default=0) // rates.register_bytes))


def _conflict(instruction: Instruction, which: int, count: int, rates: IssueRates) -> bool:
    read = [_register(o, which, instruction.lanes, count, rates) for o in instruction.sources]
    banks = [
        ((r // rates.bank_registers) % 2, (r // rates.bundle_registers) % rates.bundles)
        for r in read
        if r is not None
    ]
    return len(set(banks)) < len(banks)


def _register(source: Operand, which: int, lanes: int, count: int, rates: IssueRates) -> int | None:
    """The register that pass `which` of `count` reads for a source; None for other files."""
    if source.file != "r":
        return None
    lane = which * lanes // count
    byte = (source.sub + lane * source.stride) * source.size
    return source.number + byte // rates.register_bytes


def tera_ops(operations: int, taken: Clocks, rates: IssueRates) -> float:
    """1e12 operations a second of the whole card, when a sub-group does `operations` in `taken`."""
    assert rates.engines is not None
    return operations / taken.issue * rates.engines * rates.clock_ghz * 1e9 / 1e12
