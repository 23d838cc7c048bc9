"""What a thread is started with: its group, its work-items' ids and the arguments, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from truetpot.isa.assembly import Instruction
from truetpot.isa.launch import Hollow, Launch
from truetpot.isa.message import Message
from truetpot.isa.state import State
from truetpot.isa.zeinfo import KernelInfo

WINDOW = 1 << 44
"""Bytes from one argument's address to the next, more than any array has."""
_INLINE = 1
"""The register in which the first arguments are when a thread starts."""


class Payload:
    """The registers with which one sub-group of a launch starts."""

    def __init__(
        self, info: KernelInfo, launch: Launch, group: tuple[int, int, int], sub_group: int
    ) -> None:
        self.info, self.launch = info, launch
        self.group, self.sub_group = group, sub_group
        self.data, self.known = _arguments(info, launch)
        self.ids = _local_ids(info, launch, sub_group)
        self.loaded = self.own = 0

    def start(self, register_bytes: int) -> State:
        """The registers of the thread at its first instruction."""
        state = State(register_bytes, self.info.simd)
        header = np.zeros(register_bytes // 4, np.uint32)
        header[1], header[6], header[7] = self.group
        header[2] = self.sub_group
        state.put(0, header.view(np.uint8))
        self._load(state, _INLINE, 0, self.info.inline_bytes)
        self.loaded = self.info.inline_bytes
        return state

    def serve(self, send: Instruction, message: Message, state: State) -> None:
        """A load of the prologue: what the thread has of its own comes first, then arguments."""
        if send.dst is None:
            return
        if send.offset < self.info.skip:
            part = self.ids[self.own : self.own + message.nbytes]
            state.put(send.dst.number, part)
            self.own += message.nbytes
        else:
            self._load(state, send.dst.number, self.loaded, message.nbytes)
            self.loaded += message.nbytes

    def _load(self, state: State, register: int, start: int, nbytes: int) -> None:
        state.put(register, self.data[start : start + nbytes])
        where = register * state.register_bytes
        state.known[where : where + nbytes] = self.known[start : start + nbytes]


def argument_at(address: int) -> tuple[int | None, int]:
    """The argument whose memory an address is in, and the byte there."""
    return (address // WINDOW - 1, address % WINDOW) if address >= WINDOW else (None, address)


def handle_of(index: int) -> int:
    """Of a surface, as it stands among the arguments."""
    return (index + 1) << 8


def _arguments(info: KernelInfo, launch: Launch) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of all arguments in the order of memory, and which of them are known."""
    end = max((arg.offset + arg.size for arg in info.arguments), default=0)
    data = np.zeros(end + 4096, np.uint8)
    known = np.zeros(end + 4096, bool)
    for offset, value in _values(info, launch):
        data[offset : offset + len(value)] = np.frombuffer(value, np.uint8)
        known[offset : offset + len(value)] = True
    return data, known


def _values(info: KernelInfo, launch: Launch) -> Iterator[tuple[int, bytes]]:
    sizes = {
        "local_size": launch.local,
        "enqueued_local_size": launch.local,
        "group_count": launch.groups,
        "global_size": tuple(n * each for n, each in zip(launch.groups, launch.local, strict=True)),
        "global_id_offset": (0, 0, 0),
    }
    for arg in info.arguments:
        if not arg.size:
            continue
        if arg.kind in sizes:
            yield arg.offset, struct.pack("3i", *sizes[arg.kind])[: arg.size]
        elif arg.kind == "buffer_offset":
            yield arg.offset, bytes(arg.size)
        elif arg.index is None or arg.index >= len(launch.args):
            continue
        elif arg.kind in ("arg_bypointer", "buffer_address"):
            yield arg.offset, _pointer(arg.index, arg.mode, launch.args[arg.index], arg.size)
        elif arg.kind == "arg_byvalue":
            value = _scalar(launch.args[arg.index])
            yield arg.offset, value.ljust(arg.size, b"\0")[: arg.size]


def _pointer(index: int, mode: str, arg: object, size: int) -> bytes:
    if not isinstance(arg, Hollow) and arg is None:
        return bytes(size)
    if mode == "bindless":
        return struct.pack("<Q", handle_of(index))[:size]
    return struct.pack("<Q", (index + 1) * WINDOW)[:size]


def _scalar(arg: object) -> bytes:
    if isinstance(arg, np.generic):
        return arg.tobytes()
    if isinstance(arg, float):
        return struct.pack("f", arg)
    return struct.pack("i", arg) if isinstance(arg, int) else b""


def _local_ids(info: KernelInfo, launch: Launch, sub_group: int) -> np.ndarray:
    """16 bits a lane and dimension, each dimension from a register of its own on."""
    lanes = np.arange(info.simd) + sub_group * info.simd
    x, y, _ = launch.local
    ids = (lanes % x, lanes // x % y, lanes // (x * y))
    return np.concatenate(
        [one.astype(np.uint16).view(np.uint8) for one in ids] + [np.zeros(4096, np.uint8)]
    )
