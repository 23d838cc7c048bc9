"""The registers of a sub-group as bytes, read and written by regions; which of them are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from truetpot.isa.assembly import FLOATS, Instruction, Operand
from truetpot.isa.relevant import WIDE_FLAG, flag_bit

_PLACES = {"a": 1 << 15, "acc": 1 << 15 | 1 << 8}
"""Where address and accumulator registers lie, behind 256 registers of 64 bytes and more."""
_BYTES = 1 << 16
_KINDS = {
    "b": np.int8, "ub": np.uint8, "w": np.int16, "uw": np.uint16, "d": np.int32, "ud": np.uint32,
    "q": np.int64, "uq": np.int64, "hf": np.uint16, "f": np.uint32, "v": np.int32, "uv": np.uint32,
    "bf": np.uint16, "df": np.int64,
}  # fmt: skip
_FLOATING = {"f": np.float32, "hf": np.float16, "df": np.float64}


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
    upper_mach: bool = False
    """Whether ``mach`` always gives the upper half of a product: where a listing has ``macl`` for
    the lower one. Older ones write ``mach`` for that too."""

    def put(self, register: int, values: np.ndarray, start: int = 0) -> None:
        """Set the bytes from a register on to known values."""
        where = register * self.register_bytes + start
        self.data[where : where + len(values)] = values
        self.known[where : where + len(values)] = True

    def forget(self, register: int, nbytes: int) -> None:
        """Mark the bytes from a register on as unknown."""
        where = register * self.register_bytes
        self.known[where : where + nbytes] = False

    def addresses(self, operand: Operand, lanes: int) -> np.ndarray | None:
        """Byte addresses [lanes, size] of a region; None for a file that is not kept."""
        return _addresses(operand, lanes, self.register_bytes)

    def read(
        self, operand: Operand, lanes: int, bits: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The values [lanes], float64 of floating point and int64 of all else; which are known.

        With `bits` those of floating point are the bits that they have, as int64 too.
        """
        if operand.file == "imm":
            raw, known = _immediate(operand, lanes)
        elif operand.file == "f":
            half = slice(start := flag_bit(f"f{operand.number}.{operand.sub}"), start + 16)
            word = sum(1 << i for i, bit in enumerate(self.flags[half]) if bit)
            return np.full(lanes, word), np.full(lanes, self.flag_known[half].all())
        else:
            where = self.addresses(operand, lanes)
            if where is None or operand.type not in _KINDS:
                return _nothing(lanes)
            raw = self.data[where].view(_KINDS[operand.type])[:, 0].astype(np.int64)
            known = np.logical_and.reduce(self.known[where], axis=1)
        if not (bits or _computed(operand)):
            return _nothing(lanes)
        if operand.type in _FLOATING and not bits:
            raw = raw.astype(_KINDS[operand.type]).view(_FLOATING[operand.type]).astype(np.float64)
        if operand.absolute:
            raw = np.abs(raw)
        return (-raw if operand.negated and operand.file != "imm" else raw), known

    def write(
        self,
        operand: Operand,
        values: np.ndarray,
        known: np.ndarray,
        mask: np.ndarray,
        bits: bool = False,
    ) -> None:
        """Into the lanes of the mask; `bits` as of :meth:`read`."""
        where = self.addresses(operand, len(values))
        if where is None:
            return
        if operand.type not in _KINDS or not (bits or _computed(operand)):
            self.known[where[mask]] = False
            return
        if operand.type in _FLOATING and not bits:
            values = self._rounded(values, _FLOATING[operand.type]).view(_KINDS[operand.type])
        elif values.dtype.kind == "f":
            values = np.trunc(np.clip(values, -(2.0**62), 2.0**62)).astype(np.int64)
        raw = values.astype(_KINDS[operand.type]).view(np.uint8)
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


@lru_cache(maxsize=1 << 14)
def _addresses(operand: Operand, lanes: int, register_bytes: int) -> np.ndarray | None:
    if operand.file not in ("r", *_PLACES):
        return None
    lane = np.arange(lanes)
    if len(operand.region) == 3:
        vertical, width, horizontal = operand.region
        element = lane // max(1, width) * vertical + lane % max(1, width) * horizontal
    else:
        element = lane * operand.stride
    start = _PLACES.get(operand.file, 0) + operand.number * register_bytes
    first = start + (operand.sub + element) * operand.size
    return np.asarray((first[:, None] + np.arange(operand.size)) % _BYTES)


def _computed(operand: Operand) -> bool:
    """Whether it is an integer, or of a floating-point type that NumPy has."""
    return operand.type not in FLOATS or operand.type in _FLOATING


def _nothing(lanes: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(lanes, np.int64), np.zeros(lanes, bool)


@lru_cache(maxsize=1 << 14)
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


def predicate(one: Instruction, state: State) -> tuple[np.ndarray, np.ndarray]:
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
