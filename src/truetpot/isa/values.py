"""Sums and shifts followed through the registers, lane by lane: enough to compare addresses."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from truetpot.isa.assembly import Instruction, Operand

_OTHER_FILES = {"a": 1 << 20, "acc": 2 << 20}
"""Where address and accumulator registers lie in the map, behind the general ones."""
_SUMS = ("add", "add3", "addc")
_KNOWN = 0
_BITS = 32
_TABLES = {"and": 0b1000, "or": 0b1110, "xor": 0b0110}
"""Results by the bits of the sources, the first lowest: as the number behind ``bfn.``."""


@dataclass(frozen=True)
class Value:
    """What is not known, by number, plus what is: two of one base differ by their offsets."""

    base: int
    """0: nothing is unknown, the value is `offset`."""
    offset: int = 0
    args: frozenset[str] = frozenset()
    """Names of the pointer arguments it was computed from."""


@dataclass
class Registers:
    """Values by byte address in the register file, at the start of each element."""

    register_bytes: int
    values: dict[int, Value] = field(default_factory=dict)
    numbers: dict[Hashable, int] = field(default_factory=dict)
    aligned: dict[int, int] = field(default_factory=dict)
    """What a base is known to be a multiple of, where that is more than 1."""

    def unknown(self, *what: Hashable) -> int:
        """The base of what was computed so; the same for the same."""
        return self.numbers.setdefault(what, len(self.numbers) + 1)

    def address(self, operand: Operand, lane: int = 0) -> int | None:
        """The byte address of an element; None for other files."""
        if operand.file != "r" and operand.file not in _OTHER_FILES:
            return None
        start = _OTHER_FILES.get(operand.file, 0) + operand.number * self.register_bytes
        return start + (operand.sub + lane * operand.stride) * operand.size

    def read(self, operand: Operand, lane: int = 0) -> Value:
        """What a lane reads; what was never followed is the same until it is written again."""
        if operand.file == "imm":
            return self._immediate(operand, lane)
        where = self.address(operand, lane)
        if where is None:
            return Value(self.unknown("read", len(self.numbers)))
        if where not in self.values:
            self.values[where] = Value(self.unknown("seen", len(self.numbers)))
        value = self.values[where]
        if operand.negated:
            value = replace(value, base=self.unknown("-", value.base, value.offset), offset=0)
        return value

    def clear(self, start: int, nbytes: int) -> None:
        """Forget the values of ``nbytes`` bytes from ``start``."""
        for where in range(start, start + nbytes):
            self.values.pop(where, None)

    def execute(self, instruction: Instruction) -> None:
        """Write what an instruction computes; floating point is no address, and forgotten."""
        dst = instruction.dst
        if dst is None or (start := self.address(dst)) is None:
            return
        results = {}
        if instruction.kind == "integer" or instruction.op == "mov":
            for lane in range(instruction.lanes):
                where = self.address(dst, lane)
                if where is not None:
                    read = [self.read(source, lane) for source in instruction.sources]
                    results[where] = self._result(instruction.op, read)
        self.clear(start, dst.span(instruction.lanes))
        self.values |= results

    def _immediate(self, operand: Operand, lane: int) -> Value:
        if operand.value is None:
            return Value(self.unknown("read", len(self.numbers)))
        if operand.type in ("v", "uv"):  # a nibble a lane
            nibble = operand.value >> 4 * (lane % 8) & 15
            return Value(_KNOWN, nibble - 16 if operand.type == "v" and nibble > 7 else nibble)
        limit = 1 << 8 * operand.size
        return Value(_KNOWN, operand.value - limit if 2 * operand.value >= limit else operand.value)

    def _result(self, op: str, read: list[Value]) -> Value:
        args = frozenset().union(*(value.args for value in read))
        name, _, table = op.partition(".")
        if name == "bfn":
            bits = self._bits(int(table, 0), read)
            base, offset = bits or (self.unknown(op, *((v.base, v.offset) for v in read)), 0)
        else:
            base, offset = self._computed(name, read)
        return Value(base, offset, args)

    def _computed(self, op: str, read: list[Value]) -> tuple[int, int]:
        if op == "mov":
            return read[0].base, read[0].offset
        if op in _SUMS:
            bases = sorted(value.base for value in read if value.base)
            offset = sum(value.offset for value in read)
            if len(bases) < 2:
                return (bases or [_KNOWN])[0], offset
            return self.unknown("+", *bases), offset
        if len(read) == 2 and read[1].base == _KNOWN:
            (base, offset), by = (read[0].base, read[0].offset), read[1].offset
            if op == "shl" and 0 <= by < 64:
                return self._scaled("shl", base, by), offset << by
            if op == "mul":
                return self._scaled("mul", base, by), offset * by
            if op in ("shr", "asr") and 0 <= by < 64 and (not base or offset % (1 << by) == 0):
                return self._scaled("shr", base, by), offset >> by
            if op == "and" and not base:
                return _KNOWN, offset & by
            if op == "and" and by and offset % (by & -by) == 0:  # clears what the offset has not
                return self._scaled("and", base, by), offset
        if (table := _TABLES.get(op)) is not None and (found := self._bits(table, read)):
            return found
        return self.unknown(op, *((value.base, value.offset) for value in read)), 0

    def _scaled(self, op: str, base: int, by: int) -> int:
        if not base:
            return _KNOWN
        number = self.unknown(op, base, by)
        before = self.aligned.get(base, 1)
        if op == "shl":
            self.aligned[number] = before << by
        return number

    def _bits(self, table: int, read: list[Value]) -> tuple[int, int] | None:
        """A function of bits, of known numbers and of at most one unknown.

        The unknown is followed where the function computes what lies below its alignment, and
        passes on the rest of it.
        """
        unknown = [i for i, value in enumerate(read) if value.base]
        if len(unknown) > 1:
            return None
        mine = 1 << unknown[0] if unknown else 0
        base, offset = (read[unknown[0]].base, read[unknown[0]].offset) if unknown else (_KNOWN, 0)
        below = self.aligned.get(base, 1) if unknown else 1 << _BITS
        if offset % below:
            return None
        low = 0
        for bit in range(_BITS):
            numbers = sum((v.offset >> bit & 1) << i for i, v in enumerate(read) if not v.base)
            zero, one = table >> numbers & 1, table >> (numbers | mine) & 1
            if 1 << bit < below:
                low |= zero << bit
            elif (zero, one) != (0, 1):
                return None
        return base, offset + low
