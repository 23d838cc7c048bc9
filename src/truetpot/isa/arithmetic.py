"""What an instruction computes, and the flags it sets: integers, and floats as they round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from truetpot.isa.assembly import Instruction, Operand
from truetpot.isa.relevant import flag_bit
from truetpot.isa.state import State, predicate

_CONDITIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "z": np.equal, "nz": np.not_equal, "e": np.equal, "g": np.greater,
    "l": np.less,
}  # fmt: skip


def execute(one: Instruction, state: State, mask: np.ndarray) -> None:
    name, _, rest = one.op.partition(".")
    bits = name in ("mov", "sel") and not rest and _copies(one)
    read = [state.read(source, one.lanes, bits) for source in one.sources]
    values = [pair[0] for pair in read]
    known = read[0][1] if read else np.ones(one.lanes, bool)
    for pair in read[1:]:
        known = known & pair[1]
    if name in ("mach", "macl"):  # the second step of a product
        known = known & state.read(_ACC, one.lanes)[1]
    if one.dst is not None and one.dst.file == "cr":
        _set_control(name, one, state, values)
        return
    if name == "sel":
        result, known = _select(one, state, values, [pair[1] for pair in read], known)
    else:
        computed = _computed(name, rest, one, state, values) if known.any() else None
        _accumulate(name, one, state, values, computed, known)
        result = np.zeros(one.lanes, np.int64) if computed is None else computed
        known = known & (computed is not None)
    if one.flag and name != "sel":
        result = _compare(one, state, name, values, result, known, mask)
    if one.dst is not None:
        if one.dst.file == "f":
            _write_flag(one.dst, result, known, state)
        else:
            state.write(one.dst, result, known, mask, bits)


def _copies(one: Instruction) -> bool:
    """Whether it passes bits on as they are: a number that is none keeps all of its bits then."""
    dst = one.dst
    return (
        dst is not None
        and not one.flag
        and all(s.type == dst.type and not (s.negated or s.absolute) for s in one.sources)
    )


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


def _accumulate(
    name: str,
    one: Instruction,
    state: State,
    values: list[np.ndarray],
    result: np.ndarray | None,
    known: np.ndarray,
) -> None:
    """What it leaves in the accumulator: carry or borrow, a product's lower half, or its result."""
    if name not in ("addc", "subb") and "AccWrEn" not in one.tokens:
        return
    every = np.ones(one.lanes, bool)
    if result is None:
        state.write(_ACC, np.zeros(one.lanes, np.int64), ~every, every)
        return
    if name in ("addc", "subb"):
        result = np.abs(result >> 32)
    elif name in ("mach", "macl"):
        result = values[0] * values[1]
    state.write(_ACC, result, known, every)


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
        which, sure = predicate(one, state)
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
        return read[0] + read[1] if len(read) == 2 else read[0] + read[1] + read[2]
    if name == "addc":
        return (read[0] & _WORD) + (read[1] & _WORD)
    if name == "subb":
        return (read[0] & _WORD) - (read[1] & _WORD)
    if name == "mul":
        return read[0] * read[1]
    if name == "mad":
        return read[0] + read[1] * read[2]
    if name == "math":
        return _inverse(read[0]) if table == "inv" else None
    if any(one.dtype.kind == "f" for one in read):
        return None
    if name in ("mach", "macl"):
        product = read[0] * read[1]
        upper = name == "mach" and ("AccWrEn" in one.tokens or state.upper_mach)
        return product >> 32 if upper else product
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
