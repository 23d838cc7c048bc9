"""A thread's scratch memory: what is saved there comes back, so that a loop's bound is not lost."""

from __future__ import annotations

import re

import numpy as np

from truetpot.isa.assembly import Instruction, Operand
from truetpot.isa.message import Message
from truetpot.isa.state import State

_DISPLACED = re.compile(r"\[A([+-]0x[0-9a-fA-F]+)\]")
_BLOCK = 32
"""Bytes that the older port's messages count their offset in, in the low bits of the descriptor."""


class Scratch:
    """Blocks by where they begin; a part of one is not looked for."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def serve(self, one: Instruction, message: Message, state: State) -> bool:
        """Save or bring back whole blocks of registers; whether that was done."""
        if not message.block:
            return False
        registers = [o for o in one.sources if o.file == "r"]
        where = self._offset(one, message, registers, state)
        if message.verb == "store" and len(registers) > 1:
            span = _span(state, registers[1].number, message.nbytes)
            self._kept[where] = state.data[span].copy(), state.known[span].copy()
            return True
        if message.verb == "load" and one.dst is not None:
            # wider than what was saved at once: block by block
            for start in range(0, message.nbytes, state.register_bytes):
                data, known = self._find(where + start, state.register_bytes)
                span = _span(state, one.dst.number, state.register_bytes, start)
                state.data[span], state.known[span] = data, known
            return True
        return False

    def _find(self, where: int, nbytes: int) -> tuple[np.ndarray, np.ndarray]:
        for start, (data, known) in self._kept.items():
            if start <= where and where + nbytes <= start + len(data):
                part = slice(where - start, where - start + nbytes)
                return data[part], known[part]
        return np.zeros(nbytes, np.uint8), np.zeros(nbytes, bool)

    def _offset(
        self, one: Instruction, message: Message, registers: list[Operand], state: State
    ) -> int:
        if one.op.startswith("send.dc0"):
            return (one.descriptor & 0xFFF) * _BLOCK
        values, known = state.read(registers[0], 1)
        found = _DISPLACED.search(one.comment)
        return (int(values[0]) if known[0] else 0) + (int(found[1], 16) if found else 0)


def _span(state: State, register: int, nbytes: int, start: int = 0) -> slice:
    where = register * state.register_bytes + start
    return slice(where, where + nbytes)
