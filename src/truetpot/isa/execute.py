"""One sub-group executed as far as its addresses and branches go: integers, flags, loops.

Nothing else is computed: what comes from memory is not known, and neither is what follows from it.
Work-items have a place in the code each; the rearmost go first, which is how the code's own gotos
and joins bring them together again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from truetpot.isa.assembly import Code, Instruction, Operand
from truetpot.isa.relevant import WIDE_FLAG, flag_bit

MOST_STEPS = 100_000
"""Instructions of a sub-group that are followed before it is given up."""
_PLACES = {"a": 1 << 15, "acc": 1 << 15 | 1 << 8}
"""Where address and accumulator registers lie, behind 256 registers of 64 bytes and more."""
_BYTES = 1 << 16
_KINDS = {
    "b": np.int8, "ub": np.uint8, "w": np.int16, "uw": np.uint16, "d": np.int32, "ud": np.uint32,
    "q": np.int64, "uq": np.int64, "hf": np.uint16, "f": np.uint32, "v": np.int32, "uv": np.uint32,
    "bf": np.uint16, "df": np.int64,
}  # fmt: skip
_FLOATING = {"f": np.float32, "hf": np.float16, "df": np.float64}
_CONDITIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "z": np.equal, "nz": np.not_equal, "e": np.equal, "g": np.greater,
    "l": np.less,
}  # fmt: skip


class UnknownError(Exception):
    """Where a sub-group goes depends on what is not known here; the message says what."""


@dataclass
class State:
    """Registers as bytes, and which of them are known."""

    register_bytes: int
    lanes: int
    data: np.ndarray = field(default_factory=lambda: np.zeros(_BYTES, np.uint8))
    known: np.ndarray = field(default_factory=lambda: np.zeros(_BYTES, bool))
    flags: np.ndarray = field(default_factory=lambda: np.zeros(8 * WIDE_FLAG, bool))
    flag_known: np.ndarray = field(default_factory=lambda: np.ones(8 * WIDE_FLAG, bool))
    sure: bool = True
    """Whether nothing was executed so far that may not be: what a guard on data leaves out."""
    control: int = 0
    """The control register, which has the rounding mode."""
    _places: dict[Any, Any] = field(default_factory=dict)
    upper_mach: bool = False
    """Whether ``mach`` always gives the upper half of a product: where a listing has ``macl`` for
    the lower one. Older ones write ``mach`` for that too."""

    def put(self, register: int, values: np.ndarray, start: int = 0) -> None:
        """Bytes that are known, from a register on."""
        where = register * self.register_bytes + start
        self.data[where : where + len(values)] = values
        self.known[where : where + len(values)] = True

    def forget(self, register: int, nbytes: int) -> None:
        """What lies from a register on."""
        where = register * self.register_bytes
        self.known[where : where + nbytes] = False

    def places(self, operand: Operand, lanes: int) -> np.ndarray | None:
        """Byte addresses [lanes, size] of a region; None for a file that is not kept."""
        key = (id(operand), lanes)
        if key not in self._places:
            self._places[key] = (operand, self._computed_places(operand, lanes))
        return self._places[key][1]

    def _computed_places(self, operand: Operand, lanes: int) -> np.ndarray | None:
        if operand.file not in ("r", *_PLACES):
            return None
        lane = np.arange(lanes)
        if len(operand.region) == 3:
            vertical, width, horizontal = operand.region
            element = lane // max(1, width) * vertical + lane % max(1, width) * horizontal
        else:
            element = lane * operand.stride
        start = _PLACES.get(operand.file, 0) + operand.number * self.register_bytes
        first = start + (operand.sub + element) * operand.size
        return np.asarray((first[:, None] + np.arange(operand.size)) % _BYTES)

    def read(self, operand: Operand, lanes: int) -> tuple[np.ndarray, np.ndarray]:
        """The values [lanes], float64 of floating point and int64 of all else; which are known."""
        if operand.file == "imm":
            if (key := (id(operand), lanes)) not in self._places:
                self._places[key] = (operand, _immediate(operand, lanes))
            raw, known = self._places[key][1]
        elif operand.file == "f":
            bits = slice(start := flag_bit(f"f{operand.number}.{operand.sub}"), start + 16)
            word = sum(1 << i for i, bit in enumerate(self.flags[bits]) if bit)
            return np.full(lanes, word), np.full(lanes, self.flag_known[bits].all())
        else:
            where = self.places(operand, lanes)
            if where is None or operand.type not in _KINDS:
                return np.zeros(lanes, np.int64), np.zeros(lanes, bool)
            raw = self.data[where].view(_KINDS[operand.type])[:, 0].astype(np.int64)
            known = self.known[where].all(axis=1)
        if operand.type in _FLOATING:
            raw = raw.astype(_KINDS[operand.type]).view(_FLOATING[operand.type]).astype(np.float64)
        if operand.absolute:
            raw = np.abs(raw)
        return (-raw if operand.negated and operand.file != "imm" else raw), known

    def write(
        self, operand: Operand, values: np.ndarray, known: np.ndarray, mask: np.ndarray
    ) -> None:
        """Into the lanes of the mask."""
        where = self.places(operand, len(values))
        if where is None:
            return
        if operand.type in _FLOATING:
            values = self._rounded(values, _FLOATING[operand.type]).view(_KINDS[operand.type])
        elif values.dtype.kind == "f":
            values = np.trunc(np.clip(values, -(2.0**62), 2.0**62)).astype(np.int64)
        raw = values.astype(_KINDS.get(operand.type, np.int64)).view(np.uint8)
        raw = raw.reshape(len(values), -1)
        if mask.all():
            self.data[where], self.known[where] = raw, known[:, None]
        else:
            self.data[where[mask]], self.known[where[mask]] = raw[mask], known[mask, None]

    def _rounded(self, values: np.ndarray, kind: Any) -> np.ndarray:
        """To the nearest, or towards zero where the control register says so."""
        with np.errstate(over="ignore", invalid="ignore"):
            near = values.astype(kind)
            if self.control >> 4 & 3 == 3:
                far = np.abs(near.astype(np.float64)) > np.abs(values)
                near = np.where(far, np.nextafter(near, kind(0)), near)
        return np.asarray(near)


def _immediate(operand: Operand, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    if operand.value is None or operand.type == "vf":
        return np.zeros(lanes, np.int64), np.zeros(lanes, bool)
    if operand.type in ("v", "uv"):
        nibbles = np.array([operand.value >> 4 * (i % 8) & 15 for i in range(lanes)], np.int64)
        values = np.where((operand.type == "v") & (nibbles > 7), nibbles - 16, nibbles)
    else:
        value = operand.value & ((1 << 8 * operand.size) - 1)
        kind = _KINDS.get(operand.type, np.int64)
        values = np.full(lanes, np.array(value, np.uint64).astype(kind).astype(np.int64))
    return values, np.ones(lanes, bool)


class _Kind:
    """What the loop below asks of an instruction each time."""

    __slots__ = ("branch", "full", "last", "plain", "send", "wanted")

    def __init__(self, one: Instruction, wanted: bool) -> None:
        self.send = one.kind == "send"
        self.branch, self.wanted = bool(one.labels), wanted
        self.last = self.send and "end of thread" in one.comment
        self.plain = one.everywhere and not one.predicate
        self.full = np.ones(one.lanes, bool)


def run(
    code: Code,
    state: State,
    wanted: set[int],
    send: Callable[[int, Instruction, np.ndarray], None],
) -> np.ndarray:
    """Execute until the end of the thread; how often each instruction was.

    Only what is `wanted` is computed. `send` is called for each send with the lanes that do it.
    Raises UnknownError where a branch depends on what is not known, or after MOST_STEPS.
    """
    some = code.instructions
    kinds = [_Kind(one, i in wanted) for i, one in enumerate(some)]
    counts = np.zeros(len(some), np.int64)
    place = np.zeros(state.lanes, np.int64)
    steps = 0
    while True:
        index = int(place.min())
        if index >= len(some):
            return counts
        here = place == index
        # straight on as far as all who are here go the same way
        stop = int(place[~here].min()) if not here.all() else len(some)
        while index < stop:
            kind = kinds[index]
            counts[index] += 1
            steps += 1
            if kind.send:
                send(index, some[index], _mask(some[index], state, here))
                if kind.last:
                    return counts
            elif kind.branch:
                break
            elif kind.wanted:
                one = some[index]
                _execute(one, state, kind.full if kind.plain else _mask(one, state, here))
            index += 1
        if steps > MOST_STEPS:
            raise UnknownError(f"it takes more than {MOST_STEPS} instructions")
        place[here] = index
        if index < stop and some[index].labels:
            _branch(code, index, state, here, place)


def _mask(one: Instruction, state: State, here: np.ndarray) -> np.ndarray:
    """Lanes of the instruction that execute it; where that is not known, those that may."""
    if one.everywhere:
        mask = np.ones(one.lanes, bool)
    else:
        mask = here[one.first : one.first + one.lanes]
        if len(mask) < one.lanes:  # wider than the sub-group: only the first lanes are there
            mask = np.concatenate([mask, np.zeros(one.lanes - len(mask), bool)])
    if one.predicate and one.op.partition(".")[0] != "sel":
        values, known = _predicate(one, state)
        state.sure &= one.kind != "send" or bool(known[mask].all())
        mask = mask & (values | ~known)
    return mask


def _predicate(one: Instruction, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Values of the predicate by lane, and which are known."""
    flag, _, how = one.predicate.lstrip("~").partition(".a")
    bit = flag_bit(flag) + one.first
    values, known = state.flags[bit : bit + one.lanes], state.flag_known[bit : bit + one.lanes]
    if how:  # .any16h, .all16h: one answer for the sub-group
        bits = slice(flag_bit(flag), flag_bit(flag) + state.lanes)
        whole = state.flags[bits]
        value = whole.any() if how.startswith("ny") else whole.all()
        values = np.full(one.lanes, value)
        known = np.full(one.lanes, state.flag_known[bits].all())
    return (~values if one.predicate.startswith("~") else values), known


def _branch(code: Code, index: int, state: State, here: np.ndarray, place: np.ndarray) -> None:
    one = code.instructions[index]
    name = one.op.partition(".")[0]
    target = code.labels.get(one.labels[-1], index + 1)
    if name in ("join", "endif"):
        place[here] = index + 1
        return
    taken = here.copy()
    if one.predicate:
        values, known = _predicate(one, state)
        if one.lanes == 1 and state.lanes > 1:  # jmpi: the whole sub-group
            values, known = (np.full(state.lanes, v[0]) for v in (values, known))
        values, known = _spread(one, values, state.lanes), _spread(one, known, state.lanes)
        if not known[here].all():
            if target <= index:
                raise UnknownError(f"the loop that ends at {one.offset} depends on what was loaded")
            values = np.zeros(state.lanes, bool)  # what it would leave out is counted
            state.sure = False
        taken = here & values
    if name == "if":
        taken, target = here & ~taken, code.labels.get(one.labels[0], index + 1)
    elif name == "else":
        target = code.labels.get(one.labels[0], index + 1)
    place[here] = index + 1
    place[taken] = target


def _spread(one: Instruction, values: np.ndarray, lanes: int) -> np.ndarray:
    if len(values) >= lanes:
        return values[:lanes]
    whole = np.zeros(lanes, values.dtype)
    whole[one.first : one.first + len(values)] = values[: lanes - one.first]
    return whole


def _execute(one: Instruction, state: State, mask: np.ndarray) -> None:
    name, _, rest = one.op.partition(".")
    read = [state.read(source, one.lanes) for source in one.sources]
    values = [pair[0] for pair in read]
    known = read[0][1] if read else np.ones(one.lanes, bool)
    for pair in read[1:]:
        known = known & pair[1]
    if one.dst is not None and one.dst.file == "cr":
        _set_control(name, one, state, values)
        return
    if name == "sel":
        result, known = _select(one, state, values, [pair[1] for pair in read], known)
    else:
        computed = _computed(name, rest, one, state, values) if known.any() else None
        result = np.zeros(one.lanes, np.int64) if computed is None else computed
        known = known & (computed is not None)
    if name in ("mach", "macl", "addc", "subb"):
        known = known & state.read(_ACC, one.lanes)[1]
    if one.flag and name != "sel":
        result = _compare(one, state, name, values, result, known, mask)
    if one.dst is not None:
        if one.dst.file == "f":
            _write_flag(one.dst, result, known, state)
        else:
            state.write(one.dst, result, known, mask)


def _compare(
    one: Instruction,
    state: State,
    name: str,
    values: list[np.ndarray],
    result: np.ndarray,
    known: np.ndarray,
    mask: np.ndarray,
) -> np.ndarray:
    """Set the flag; what the instruction gives, all bits of a comparison that holds being set."""
    left, right = (values[0], values[1]) if name == "cmp" else (result, np.zeros(one.lanes))
    condition = _CONDITIONS.get(one.compare)
    truth = np.zeros(one.lanes, bool) if condition is None else condition(left, right)
    bits = flag_bit(one.flag) + one.first + np.flatnonzero(mask)
    state.flags[bits] = truth[mask]
    state.flag_known[bits] = known[mask] & (condition is not None)
    return np.where(truth, -1, 0) if name == "cmp" else result


def _set_control(name: str, one: Instruction, state: State, values: list[np.ndarray]) -> None:
    """``or`` and ``xor`` with a number, as compilers set the rounding mode."""
    number = int(values[-1][0])
    table = {"or": state.control | number, "xor": state.control ^ number}
    state.control = table.get(name, state.control & number if name == "and" else number)


_ACC = Operand("acc", type="d")


def _write_flag(dst: Operand, result: np.ndarray, known: np.ndarray, state: State) -> None:
    bits = flag_bit(f"f{dst.number}.{dst.sub}")
    count = 8 * dst.size
    state.flags[bits : bits + count] = [bool(int(result[0]) >> i & 1) for i in range(count)]
    state.flag_known[bits : bits + count] = known[0]


def _select(
    one: Instruction,
    state: State,
    values: list[np.ndarray],
    each: list[np.ndarray],
    known: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """By a predicate, or the smaller or larger one by a condition."""
    if one.predicate:
        which, sure = _predicate(one, state)
        return np.where(which, values[0], values[1]), sure & np.where(which, each[0], each[1])
    if one.compare in ("lt", "l", "le"):
        return np.minimum(values[0], values[1]), known
    return np.maximum(values[0], values[1]), known


def _computed(
    name: str, table: str, one: Instruction, state: State, read: list[np.ndarray]
) -> np.ndarray | None:
    if name in ("mov", "cmp"):
        return read[0]
    if name in ("add", "add3"):
        return np.sum(read, axis=0)
    if name == "addc":
        total = (read[0] & _WORD) + (read[1] & _WORD)
        state.write(_ACC, total >> 32, np.ones(one.lanes, bool), np.ones(one.lanes, bool))
        return total
    if name == "mul":
        return read[0] * read[1]
    if name == "mad":
        return read[0] + read[1] * read[2]
    if name == "math":
        return _inverse(read[0]) if table == "inv" else None
    if any(one.kind == "f" for one in map(_kind, read)):
        return None
    if name in ("mach", "macl"):
        product, kept = read[0] * read[1], "AccWrEn" in one.tokens
        if kept:  # 64 bits: the lower half is in the accumulator then
            every = np.ones(one.lanes, bool)
            state.write(_ACC, product, every, every)
        return product >> 32 if name == "mach" and (kept or state.upper_mach) else product
    if name in ("shl", "shr", "asr"):
        by = read[1] & (63 if one.dst is not None and one.dst.size == 8 else 31)
        if name == "shl":
            return read[0] << by
        size = one.sources[0].size
        whole = read[0] & ((1 << 8 * size) - 1) if name == "shr" and size < 8 else read[0]
        return whole >> by
    if name == "not":
        return ~read[0]
    if name in ("and", "or", "xor"):
        return {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[name](*read[:2])
    if name == "bfn":
        return _any_function(int(table, 0), read)
    return None


def _kind(values: np.ndarray) -> np.dtype:
    return values.dtype


def _inverse(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray((1 / values.astype(np.float32)).astype(np.float64))


_WORD = (1 << 32) - 1


def _any_function(table: int, read: list[np.ndarray]) -> np.ndarray:
    """Bit by bit, by a table of eight results."""
    result = np.zeros_like(read[0])
    for row in range(8):
        if table >> row & 1:
            term = ~np.zeros_like(read[0])
            for i, source in enumerate(read):
                term &= source if row >> i & 1 else ~source
            result |= term
    return result
