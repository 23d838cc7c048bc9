"""Sections of a 64-bit ELF file and notes of a device image, from bytes that may be anything."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\x7fELF"
DEVICE = 205
"""EM_INTELGT: machine code of an Intel GPU (zebin)."""
TEXT = ".text."
"""Begins the name of a section with a kernel's code."""
_MOST_SECTIONS = 100_000


@dataclass(frozen=True)
class Section:
    """A name and where its bytes lie in the file."""

    name: str
    offset: int
    size: int


def kind_of(data: bytes, at: int = 0) -> tuple[int, int]:
    """(type, machine) of a header. Raises struct.error where the bytes end before it."""
    found: tuple[int, int] = struct.unpack_from("<HH", data, at + 16)
    return found


def sections(data: bytes, at: int = 0) -> list[Section]:
    """Of the ELF file that begins at a byte. Raises ValueError where there is none.

    Offsets count from that byte.
    """
    try:
        if data[at : at + 6] != MAGIC + b"\x02\x01":
            raise ValueError("no 64-bit little-endian ELF file")
        (table,) = struct.unpack_from("<Q", data, at + 0x28)
        each, count, names = struct.unpack_from("<HHH", data, at + 0x3A)
        if each != 64 or count > _MOST_SECTIONS:
            raise ValueError("a section table that is none")
        rows = [struct.unpack_from("<II4Q", data, at + table + i * 64) for i in range(count)]
        if not names < count:
            raise ValueError("no names of sections")
        text = rows[names][4]
        found = []
        for name, kind, _, _, offset, size in rows:
            start = at + text + name
            end = data.find(b"\0", start, start + 65536)
            nobits = kind == 8
            if end < 0 or (not nobits and at + offset + size > len(data)):
                raise ValueError("a section beyond the end of the file")
            label = data[start:end].decode(errors="replace")
            found.append(Section(label, offset, 0 if nobits else size))
    except (struct.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    return found


def whole(data: bytes, at: int = 0) -> bytes:
    """The bytes of an ELF file within others: to the end of its last section or of its table."""
    (table,) = struct.unpack_from("<Q", data, at + 0x28)
    each, count = struct.unpack_from("<HH", data, at + 0x3A)
    ends = [one.offset + one.size for one in sections(data, at)]
    return data[at : at + max([table + each * count, *ends])]


def shortened(data: bytes, most: int) -> tuple[bytes, dict[str, str]]:
    """The file with sections of code that have no longer names, and each new name's old one.

    A disassembler writes a file a kernel, and a file's name has at most 255 bytes; names of SYCL
    kernels are longer.
    """
    changed, names = bytearray(data), {}
    (table,) = struct.unpack_from("<Q", data, 0x28)
    (index,) = struct.unpack_from("<H", data, 0x3E)
    text = struct.unpack_from("<II4Q", data, table + index * 64)[4]
    for number, one in enumerate(sections(data)):
        kernel = one.name.removeprefix(TEXT)
        if kernel == one.name or len(one.name) <= most:
            continue
        (offset,) = struct.unpack_from("<I", data, table + number * 64)
        short = f"kernel{number}"
        start = text + offset + len(TEXT)
        changed[start : start + len(short) + 1] = f"{short}\0".encode()
        names[short] = kernel
    return bytes(changed), names


def notes(data: bytes) -> dict[int, int]:
    """Numbers of a device image's ``.note.intelgt.compat`` by their type; empty without one."""
    found: dict[int, int] = {}
    for one in sections(data):
        if one.name == ".note.intelgt.compat":
            found.update(_notes(data[one.offset : one.offset + one.size]))
    return found


def _notes(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 12 <= len(data):
        name, size, kind = struct.unpack_from("<III", data, at)
        at += 12 + -(-name // 4) * 4
        yield kind, int.from_bytes(data[at : at + min(size, 8)], "little")
        at += -(-size // 4) * 4
