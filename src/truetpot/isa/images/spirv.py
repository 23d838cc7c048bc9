"""A SPIR-V module within other bytes: how long it is, and the names of its kernels."""

from __future__ import annotations

import struct

MAGIC = b"\x03\x02\x23\x07"
_HEADER = 20
_ENTRY_POINT, _KERNEL = 15, 6


def module(data: bytes, at: int = 0) -> tuple[bytes, tuple[str, ...]] | None:
    """The module that begins at a byte, with its entry points; None where there is none.

    It ends where a word can begin no instruction: zeros, or bytes of something else.
    """
    if at + _HEADER > len(data):
        return None
    _, version = struct.unpack_from("<II", data, at)
    if version not in range(0x10000, 0x10800, 0x100):
        return None
    end, names = at + _HEADER, []
    while end + 4 <= len(data):
        (word,) = struct.unpack_from("<I", data, end)
        count, opcode = word >> 16, word & 0xFFFF
        if count == 0 or end + 4 * count > len(data):
            break
        if opcode == _ENTRY_POINT and count > 3:
            (model,) = struct.unpack_from("<I", data, end + 4)
            text = data[end + 12 : end + 4 * count].partition(b"\0")[0]
            if model == _KERNEL:
                names.append(text.decode(errors="replace"))
        end += 4 * count
    return data[at:end], tuple(names)
