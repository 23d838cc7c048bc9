"""The sub-groups of a work-group followed through the code: where each goes, and what it reads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from truetpot.isa.assembly import Code, Instruction, Operand
from truetpot.isa.execute import UnknownError, Walk
from truetpot.isa.launch import Hollow, Launch
from truetpot.isa.message import Message, read_message
from truetpot.isa.payload import Payload, argument_at, handle_of
from truetpot.isa.relevant import address_mask, relevant, returned_bytes
from truetpot.isa.scratch import Scratch
from truetpot.isa.state import State
from truetpot.isa.zeinfo import KernelInfo


@dataclass
class Traced:
    """One work-group, all its sub-groups together."""

    sub_groups: int
    counts: np.ndarray
    """How often each instruction was executed."""
    requested: Counter[int] = field(default_factory=Counter)
    """Bytes of each argument that are loaded and stored, by its index: a message's own, once."""
    unique: Counter[int] = field(default_factory=Counter)
    """The same, each byte once a sub-group."""
    beyond: dict[int, int] = field(default_factory=dict)
    """Furthest byte behind the end of an argument that is read, where one is."""


def trace(
    code: Code,
    info: KernelInfo,
    launch: Launch,
    register_bytes: int,
    sends: Sequence[Message | None],
) -> Traced:
    """Follow the work-group in the middle of the launch; of the last one, how far its last goes.

    `sends` are the messages by instruction. Raises UnknownError where one of its sub-groups cannot
    be followed to its end.
    """
    wanted, _ = relevant(
        code,
        register_bytes,
        lambda i: _needed(code.instructions[i], sends[i], register_bytes),
    )
    upper = any(one.op == "macl" for one in code.instructions)
    start = next(
        (
            i
            for i, one in enumerate(code.instructions)
            if one.dst is not None and one.dst.file == "cr"
        ),
        0,
    )
    returns = [returned_bytes(one, register_bytes) for one in code.instructions]
    sub_groups = -(-launch.items // info.simd)
    walk = Walk(code, wanted)
    traced = Traced(sub_groups, np.zeros(len(code.instructions), np.int64))

    def one(group: tuple[int, int, int], which: int) -> tuple[np.ndarray, _Reader]:
        payload = Payload(info, launch, group, which)
        state = payload.start(register_bytes)
        state.upper_mach = upper
        reader = _Reader(info, launch, state, payload, sends, returns, start)
        return walk.run(state, reader.send), reader

    x, y, z = launch.groups
    for which in range(sub_groups):
        counts, reader = one((x // 2, y // 2, z // 2), which)
        traced.counts += counts
        reader.add_to(traced)
    if launch.work_groups > 1:
        _, reader = one((x - 1, y - 1, z - 1), sub_groups - 1)
        reader.look_beyond(traced)
    return traced


def _needed(send: Instruction, message: Message | None, register_bytes: int) -> int:
    """A send's address; of one that saves registers, these too."""
    if message is None:
        return 0
    mask = address_mask(send, register_bytes)
    registers = [o for o in send.sources if o.file == "r"]
    if message.space == "scratch" and message.verb == "store" and len(registers) > 1:
        mask |= ((1 << message.nbytes) - 1) << registers[1].number * register_bytes
    return mask


class _Reader:
    """Serves the loads of one sub-group, and keeps what it touches."""

    def __init__(
        self,
        info: KernelInfo,
        launch: Launch,
        state: State,
        payload: Payload,
        sends: Sequence[Message | None],
        returns: Sequence[int],
        start: int,
    ) -> None:
        self.info, self.launch, self.state, self.payload = info, launch, state, payload
        self.sends, self.start = sends, start
        self.touched: dict[int, list[tuple[np.ndarray, int]]] = defaultdict(list)
        self.ends: dict[int, int] = {}
        self.returns, self.scratch = returns, Scratch()
        self._surfaces = {
            handle_of(i): i for i, arg in enumerate(launch.args) if isinstance(arg, Hollow)
        }
        by_name = {name: index for index, name in info.names.items()}
        self._tables = {
            bti: by_name.get(name, int(name[3:]) if name.startswith("arg") else -1)
            for bti, name in info.surfaces.items()
        }

    def send(self, index: int, one: Instruction, mask: np.ndarray) -> None:
        """Each send that is executed, with the lanes that do."""
        message = self.sends[index]
        if message is None:
            return
        if index < self.start and message.verb == "load":
            self.payload.serve(one, message, self.state)
            return
        if message.space == "scratch" and self.scratch.serve(one, message, self.state):
            return
        moves = message.verb in ("load", "store") and message.space not in ("slm", "scratch")
        answer = self._touch(one, message, mask) if moves and not message.shaped else None
        if (count := self.returns[index]) and one.dst is not None:
            self.state.forget(one.dst.number, count)
        if answer is not None:
            answer()

    def _touch(
        self, one: Instruction, message: Message, mask: np.ndarray
    ) -> Callable[[], None] | None:
        """Keep what is read or written; what then comes back, where that is known."""
        address = next((o for o in one.sources if o.file == "r"), None)
        if address is None:
            return None
        kind = "ud" if message.address_bytes == 4 else "uq"
        lanes = 1 if message.block else len(mask)
        values, known = self.state.read(_register(address.number, kind), lanes)
        active = np.ones(1, bool) if message.block else mask
        if not active.any():
            return None
        if not known[active].all():
            raise UnknownError(f"the address at {one.offset} is made of what was loaded")
        addresses = values[active] + message.displacement
        each = message.nbytes if message.block else message.nbytes // max(1, len(mask))
        index = self._argument(one, message, addresses)
        if index is None:
            return None
        offsets = addresses % (1 << 44) if message.address_bytes == 8 else addresses
        self.touched[index].append((offsets, each))
        if self.state.sure:
            end = int(offsets.max()) + each
            self.ends[index] = max(self.ends.get(index, 0), end)
        arg = self.launch.args[index] if index < len(self.launch.args) else None
        if message.verb == "load" and isinstance(arg, Hollow) and arg.values is not None:
            return lambda: self._answer(one, message, arg, offsets, each, active)
        return None

    def _argument(self, one: Instruction, message: Message, addresses: np.ndarray) -> int | None:
        if message.surface is not None:
            index = self._tables.get(message.surface)
            return index if index is not None and index >= 0 else None
        surface = next((o for o in one.sources if o.file == "a"), None)
        if surface is not None:
            value, known = self.state.read(surface, 1)
            return self._surfaces.get(int(value[0]) & ~63) if known[0] else None
        return argument_at(int(addresses[0]))[0]

    def _answer(
        self,
        one: Instruction,
        message: Message,
        arg: Hollow,
        offsets: np.ndarray,
        each: int,
        active: np.ndarray,
    ) -> None:
        """What small arrays hold comes back: a length, a table of pages."""
        size = each // message.elements
        if (
            one.dst is None
            or arg.values is None
            or not (message.block or size in (4, 8))
            or (offsets < 0).any()
            or int(offsets.max()) + each > len(arg.values)
        ):
            return
        found = arg.values[offsets[:, None] + np.arange(each)]
        if message.block:
            self.state.put(one.dst.number, found.reshape(-1))
            return
        full = np.zeros((len(active), message.elements), np.int64)
        full[active] = found.copy().view({4: np.int32, 8: np.int64}[size])
        taken = -(-len(active) * size // self.state.register_bytes)
        for i in range(message.elements):
            dst = _register(one.dst.number + i * taken, {4: "d", 8: "q"}[size])
            self.state.write(dst, full[:, i], np.ones(len(active), bool), active)

    def add_to(self, traced: Traced) -> None:
        """The sums of this sub-group."""
        for index, parts in self.touched.items():
            traced.requested[index] += sum(_unique([part]) for part in parts)
            traced.unique[index] += _unique(parts)
        self.look_beyond(traced)

    def look_beyond(self, traced: Traced) -> None:
        """Whether it leaves an argument."""
        for index, end in self.ends.items():
            arg = self.launch.args[index] if index < len(self.launch.args) else None
            if isinstance(arg, Hollow) and end > arg.nbytes:
                traced.beyond[index] = max(traced.beyond.get(index, 0), end - arg.nbytes)


@cache
def _register(number: int, kind: str) -> Operand:
    return Operand("r", number, type=kind)


def _unique(parts: list[tuple[np.ndarray, int]]) -> int:
    """Bytes that intervals cover together."""
    if len(parts) == 1 and len(parts[0][0]) == 1:
        return parts[0][1]
    starts = np.concatenate([offsets for offsets, _ in parts])
    ends = np.concatenate([offsets + each for offsets, each in parts])
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    before = np.concatenate([starts[:1], ends[:-1]])
    return int(np.maximum(ends - np.maximum(starts, before), 0).sum())


def messages(code: Code, register_bytes: int) -> list[Message | None]:
    """The message of each instruction that is a send."""
    return [
        read_message(one, register_bytes) if one.kind == "send" else None
        for one in code.instructions
    ]
