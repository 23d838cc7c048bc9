"""Which argument each send reads or writes, followed from the kernel's entry to its address."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from truetpot.isa.assembly import Code, Instruction, Operand
from truetpot.isa.message import Message, read_message
from truetpot.isa.zeinfo import KernelInfo

_COPIES = ("mov",)
_SUMS = ("add", "add3")
_INLINE = 1
"""The register in which the first arguments are when a thread starts."""
_OTHER_FILES = {"a": 1 << 20, "acc": 2 << 20}
"""Where address and accumulator registers lie in the map, behind the general ones."""


@dataclass(frozen=True)
class Value:
    """What a register holds, as far as addresses need it: `base` plus `offset` bytes."""

    base: tuple[str, int]
    offset: int = 0
    args: frozenset[str] = frozenset()
    """Names of the pointer arguments it was computed from."""


@dataclass(frozen=True)
class Access:
    """A send with the argument it goes to (None: not known, or no memory) and its address."""

    index: int
    message: Message
    arg: str | None
    address: Value | None


@dataclass
class _Registers:
    """Values by byte address in the register file, at the start of each element."""

    register_bytes: int
    values: dict[int, Value] = field(default_factory=dict)

    def place(self, operand: Operand, lane: int = 0) -> int | None:
        if operand.file != "r" and operand.file not in _OTHER_FILES:
            return None
        start = _OTHER_FILES.get(operand.file, 0) + operand.number * self.register_bytes
        return start + (operand.sub + lane * operand.stride) * operand.size

    def get(self, operand: Operand, lane: int = 0) -> Value | None:
        where = self.place(operand, lane)
        return None if where is None else self.values.get(where)

    def clear(self, start: int, nbytes: int) -> None:
        for where in range(start, start + nbytes):
            self.values.pop(where, None)


def accesses(code: Code, info: KernelInfo, register_bytes: int) -> list[Access]:
    """Every send of the kernel in order, but for those that fetch its arguments.

    One pass in the order of the text: a pointer that a loop advances is the same pointer the next
    time round. What is loaded from memory carries no argument on, so that an index from a table
    does not make its user an access to the table.
    """
    registers = _Registers(register_bytes)
    _payload(registers, info, Operand("r", _INLINE), 0, info.inline_bytes)
    found: list[Access] = []
    prologue, loaded = True, info.inline_bytes
    for index, instruction in enumerate(code.instructions):
        if instruction.kind == "send":
            message = read_message(instruction, register_bytes)
            if prologue and message.verb == "load":
                if instruction.offset >= info.skip:  # before it: what each thread has of its own
                    _payload(registers, info, instruction.dst, loaded, message.nbytes)
                    loaded += message.nbytes
                else:
                    _forget(registers, instruction)
                continue
            found.append(_access(index, instruction, message, info, registers))
            _forget(registers, instruction)
            continue
        if not instruction.labels:
            _execute(registers, index, instruction)
        if instruction.dst is not None and instruction.dst.file == "cr":
            prologue = False  # the rounding mode is set, the kernel proper begins
    return found


def _payload(
    registers: _Registers, info: KernelInfo, dst: Operand | None, start: int, nbytes: int
) -> None:
    """Arguments `start` to `start + nbytes` are now in the registers from `dst` on."""
    if dst is None or (where := registers.place(dst)) is None:
        return
    registers.clear(where, nbytes)
    for i, (offset, name) in enumerate(info.pointers.items()):
        if start <= offset < start + nbytes:
            value = Value(("argument", i), args=frozenset((name,)))
            registers.values[where + offset - start] = value


def _access(
    index: int,
    instruction: Instruction,
    message: Message,
    info: KernelInfo,
    registers: _Registers,
) -> Access:
    address = next((o for o in instruction.sources if o.file == "r"), None)
    value = None if address is None else registers.get(replace(address, type="ud"))
    if message.space == "slm" or not message.nbytes:
        return Access(index, message, None, value)
    if value is not None and message.displacement:
        value = replace(value, offset=value.offset + message.displacement)
    if message.surface is not None:
        return Access(index, message, info.surfaces.get(message.surface), value)
    # bindless: the surface is in an address register; flat: the pointer is in the address itself
    surface = next((o for o in instruction.sources if o.file == "a"), None)
    holder = registers.get(surface) if surface is not None else value
    args = holder.args if holder is not None else frozenset()
    return Access(index, message, next(iter(args)) if len(args) == 1 else None, value)


def _forget(registers: _Registers, send: Instruction) -> None:
    if send.dst is None or send.dst.file != "r" or "rd:" not in send.comment:
        return
    count = int(send.comment.split("rd:")[1].split(";")[0])
    registers.clear(send.dst.number * registers.register_bytes, count * registers.register_bytes)


def _execute(registers: _Registers, index: int, instruction: Instruction) -> None:
    dst = instruction.dst
    if dst is None or (start := registers.place(dst)) is None:
        return
    results = []
    for lane in range(instruction.lanes):
        held = [registers.get(source, lane) for source in instruction.sources]
        results.append(_result(index, instruction, held))
    registers.clear(start, dst.span(instruction.lanes))
    for lane, result in enumerate(results):
        where = registers.place(dst, lane)
        if where is not None and result is not None:
            registers.values[where] = result


def _result(index: int, instruction: Instruction, held: list[Value | None]) -> Value | None:
    known = [value for value in held if value is not None]
    if instruction.op in _COPIES:
        return known[0] if known else None
    args = frozenset().union(*(value.args for value in known))
    constants = [s.value for s in instruction.sources if s.file == "imm"]
    moving = len(instruction.sources) - len(constants)
    if instruction.op in _SUMS and moving == len(known) == 1 and None not in constants:
        step = sum(value for value in constants if value is not None)
        return replace(known[0], offset=known[0].offset + step)
    return Value(("instruction", index), args=args)
