"""Which instructions the addresses and the branches of a kernel follow from, and which not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from truetpot.isa.assembly import Code, Instruction, Operand

_FILES = {"r": 0, "a": 1 << 16, "acc": 1 << 17}
"""Bit of the first byte of a register file; flags lie behind them."""
_FLAGS = 1 << 18
_BLOCK = re.compile(r"\.d(\d+)x(\d+)t\b")
_ADDRESS = re.compile(r"wr:(\d+)")
_WIDTH = re.compile(r"\.a(32|64)\b")
WIDE_FLAG = 32
"""Lanes of a flag register, f0.0 and f0.1 together."""


def relevant(
    code: Code, register_bytes: int, seeds: Callable[[int], int], branches: bool = True
) -> tuple[set[int], list[int]]:
    """Indices of what the seeds are computed from, and the branches; what is needed behind each.

    Both `seeds` of an instruction and what is needed behind it are masks of bytes of the registers.
    """
    some = code.instructions
    followers = [_followers(code, i) for i in range(len(some))]
    before: list[list[int]] = [[] for _ in some]
    for i, after in enumerate(followers):
        for j in after:
            before[j].append(i)
    own = [seeds(i) for i in range(len(some))]
    writes = [_written(one, register_bytes) for one in some]
    reads = [_read(one, register_bytes) for one in some]
    needed, inside = [0] * len(some), [0] * len(some)
    waiting = list(range(len(some)))
    while waiting:
        i = waiting.pop()
        out = 0
        for j in followers[i]:
            out |= inside[j]
        needed[i] = out
        mask, whole = writes[i]
        into = own[i] | (out & ~mask if whole else out)
        if mask & out or (branches and some[i].labels):
            into |= reads[i]
        if into != inside[i]:
            inside[i] = into
            waiting.extend(before[i])
    found = {i for i, one in enumerate(some) if own[i] or writes[i][0] & needed[i] or one.labels}
    return found, needed


def written_mask(instruction: Instruction, register_bytes: int) -> int:
    """The bytes that an instruction writes, in the masks of :func:`relevant`."""
    return _written(instruction, register_bytes)[0]


def _followers(code: Code, index: int) -> list[int]:
    one = code.instructions[index]
    after = [code.labels.get(label, index + 1) for label in one.labels]
    return [i for i in (*after, index + 1) if i < len(code.instructions)]


def _mask(operands: Iterable[Operand], lanes: int, register_bytes: int) -> int:
    mask = 0
    for operand in operands:
        if operand.file == "f":
            bits = 8 * operand.size
            mask |= ((1 << bits) - 1) << _FLAGS + flag_bit(f"f{operand.number}.{operand.sub}")
        elif operand.file in _FILES:
            start = _FILES[operand.file] + operand.number * register_bytes
            start += operand.sub * operand.size
            mask |= _region(operand.region, operand.stride, operand.size, lanes) << start
    return mask


@cache
def _region(region: tuple[int, ...], stride: int, size: int, lanes: int) -> int:
    """The bytes of its elements, from the first on, without those between them."""
    mask, each = 0, (1 << size) - 1
    for lane in range(lanes):
        if len(region) == 3:
            vertical, width, horizontal = region
            element = lane // max(1, width) * vertical + lane % max(1, width) * horizontal
        else:
            element = lane * stride
        mask |= each << element * size
    return mask


def _written(one: Instruction, register_bytes: int) -> tuple[int, bool]:
    """Bytes, and whether all of them are new whatever was there."""
    if one.kind == "send":
        count = returned_bytes(one, register_bytes)
        if one.dst is None or one.dst.file != "r" or not count:
            return 0, False
        start = one.dst.number * register_bytes
        return ((1 << count) - 1) << start, not one.predicate
    mask = 0 if one.dst is None else _mask((one.dst,), one.lanes, register_bytes)
    if "AccWrEn" in one.tokens:
        mask |= _mask((Operand("acc"),), one.lanes, register_bytes)
    if one.flag and one.op.partition(".")[0] not in ("sel", "csel"):
        mask |= _flag_mask(one.flag, one.lanes, one.first)
    # a predicate of ``sel`` chooses what is written, not where
    return mask, not one.predicate or one.op.partition(".")[0] == "sel"


def _read(one: Instruction, register_bytes: int) -> int:
    if one.kind == "send":
        return 0
    mask = _mask(one.sources, one.lanes, register_bytes)
    if one.op.partition(".")[0] in ("mach", "macl"):  # addc and subb only write it
        mask |= _mask((Operand("acc"),), one.lanes, register_bytes)
    if one.predicate:
        mask |= _flag_mask(one.predicate.lstrip("~").partition(".a")[0], one.lanes, one.first)
    return mask


def _flag_mask(flag: str, lanes: int, first: int) -> int:
    return ((1 << lanes) - 1) << _FLAGS + flag_bit(flag) + first


def flag_bit(flag: str) -> int:
    """The number of a flag's first bit: ``f1.1`` begins at 48."""
    number, _, sub = flag[1:].partition(".")
    return int(number) * WIDE_FLAG + int(sub or 0) * 16


def returned_bytes(send: Instruction, register_bytes: int) -> int:
    """What a send writes: whole registers, but for a block that is smaller than one."""
    _, found, rest = send.comment.partition("rd:")
    whole = int(rest.split(";")[0]) * register_bytes if found else 0
    block = _BLOCK.search(rest)
    return min(whole, int(block[1]) // 8 * int(block[2])) if block else whole


def address_mask(send: Instruction, register_bytes: int) -> int:
    """The bytes that a send's address is in, and the address register that names its surface.

    A block has one address and a lane has its own, whatever else is left in their registers.
    """
    found = _ADDRESS.search(send.comment)
    mask = 0
    for one in send.sources:
        if one.file == "r" and not mask and found:
            nbytes = int(found[1]) * register_bytes
            if size := _WIDTH.search(send.comment):
                lanes = 1 if _BLOCK.search(send.comment) else send.lanes
                nbytes = min(nbytes, int(size[1]) // 8 * lanes)
            mask = ((1 << nbytes) - 1) << one.number * register_bytes
    return mask | _mask((o for o in send.sources if o.file == "a"), 1, register_bytes)
