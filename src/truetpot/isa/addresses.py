"""Which argument each send reads or writes, followed from the kernel's entry to its address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from truetpot.isa.assembly import Code, Instruction, Operand
from truetpot.isa.message import Message, read_message
from truetpot.isa.relevant import returned_bytes
from truetpot.isa.values import Registers, Value
from truetpot.isa.zeinfo import KernelInfo

_INLINE = 1
"""The register in which the first arguments are when a thread starts."""


@dataclass(frozen=True)
class Access:
    """A send with the argument it goes to (None: not known, or no memory)."""

    index: int
    message: Message
    arg: str | None
    addresses: tuple[Value, ...]
    """Of each lane; of the first byte only, where it moves a block."""


def accesses(code: Code, info: KernelInfo, register_bytes: int) -> list[Access]:
    """Every send of the kernel in order, but for those that fetch its arguments.

    One pass in the order of the text: a pointer that a loop advances is the same pointer the next
    time round. What is loaded from memory carries no argument on, so that an index from a table
    does not make its user an access to the table.
    """
    registers = Registers(register_bytes)
    _payload(registers, info, Operand("r", _INLINE), 0, info.inline_bytes)
    found: list[Access] = []
    prologue, loaded, own = True, info.inline_bytes, 0
    for index, instruction in enumerate(code.instructions):
        if instruction.kind == "send":
            message = read_message(instruction, register_bytes)
            if prologue and message.verb == "load":
                if instruction.offset >= info.skip:  # before it: what each thread has of its own
                    _payload(registers, info, instruction.dst, loaded, message.nbytes)
                    loaded += message.nbytes
                else:
                    _local_ids(registers, info, instruction.dst, own, message.nbytes)
                    own += message.nbytes
                continue
            found.append(_access(index, instruction, message, info, registers))
            _forget(registers, instruction)
            continue
        if not instruction.labels:
            registers.execute(instruction)
        if instruction.dst is not None and instruction.dst.file == "cr":
            prologue = False  # the rounding mode is set, the kernel proper begins
    return found


def runs(loads: Iterable[Access]) -> list[tuple[int, frozenset[int]]]:
    """Contiguous runs of memory: bytes, and the indices of the accesses that they are made of."""
    chunks: dict[tuple[str | None, int], list[tuple[int, int, int]]] = {}
    for one in loads:
        each = one.message.nbytes // max(1, len(one.addresses))
        for address in one.addresses:
            spans = chunks.setdefault((one.arg, address.base), [])
            spans.append((address.offset, address.offset + each, one.index))
    found = []
    for some in chunks.values():
        start = end = None
        parts: set[int] = set()
        for low, high, index in sorted(some):
            if end is not None and start is not None and low > end:
                found.append((end - start, frozenset(parts)))
                start, parts = None, set()
            start = low if start is None else start
            end = high if end is None else max(end, high)
            parts.add(index)
        if end is not None and start is not None:
            found.append((end - start, frozenset(parts)))
    return found


def narrowest(sizes: Sequence[int], share: float) -> int | None:
    """The size that this share of the whole comes in at least."""
    reached = 0
    for size in sorted(sizes, reverse=True):
        reached += size
        if reached >= share * sum(sizes):
            return size
    return None


def _payload(
    registers: Registers, info: KernelInfo, dst: Operand | None, start: int, nbytes: int
) -> None:
    """Arguments `start` to `start + nbytes` are now in the registers from `dst` on."""
    if dst is None or (where := registers.address(dst)) is None:
        return
    registers.clear(where, nbytes)
    for offset, name in info.pointers.items():
        if start <= offset < start + nbytes:
            value = Value(registers.unknown("argument", offset), args=frozenset((name,)))
            registers.values[where + offset - start] = value


def _local_ids(
    registers: Registers, info: KernelInfo, dst: Operand | None, start: int, nbytes: int
) -> None:
    """Local ids in 16 bits a lane, x first. Those in x follow each other over a sub-group."""
    if dst is None or (where := registers.address(dst)) is None:
        return
    registers.clear(where, nbytes)
    for lane in range(info.simd):
        if start <= 2 * lane < start + nbytes:
            registers.values[where + 2 * lane - start] = Value(registers.unknown("local id"), lane)


def _access(
    index: int, instruction: Instruction, message: Message, info: KernelInfo, registers: Registers
) -> Access:
    address = next((o for o in instruction.sources if o.file == "r"), None)
    if address is None or not message.nbytes:
        return Access(index, message, None, ())
    address = replace(address, type="ud" if message.address_bytes == 4 else "uq")
    values = tuple(
        registers.read(address, lane) for lane in range(1 if message.block else instruction.lanes)
    )
    addresses = tuple(replace(v, offset=v.offset + message.displacement) for v in values)
    if message.space == "slm":
        return Access(index, message, None, addresses)
    if message.surface is not None:
        return Access(index, message, info.surfaces.get(message.surface), addresses)
    # bindless: the surface is in an address register; flat: the pointer is in the address itself
    surface = next((o for o in instruction.sources if o.file == "a"), None)
    args = values[0].args if surface is None else registers.read(surface).args
    return Access(index, message, next(iter(args)) if len(args) == 1 else None, addresses)


def _forget(registers: Registers, send: Instruction) -> None:
    if send.dst is not None and send.dst.file == "r":
        size = registers.register_bytes
        registers.clear(send.dst.number * size, returned_bytes(send, size))
