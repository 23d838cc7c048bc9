"""Device images in the bytes of a library: machine code, fat archives of it, SPIR-V, compressed.

icpx puts an archive of ocloc's (``!<arch>``) into a section of the host library, with a member a
target (``64.bmg``, ``64.20.1.0``: architecture, release and revision of the GPU) and one of SPIR-V
(``generic_ir``); or SPIR-V alone; with --offload-compress a zstd frame of either.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from truetpot.isa.images import elf, spirv

_AR = b"!<arch>\n"
_ZSTD = b"\x28\xb5\x2f\xfd"
_MAGIC = re.compile(b"|".join(map(re.escape, (_AR, elf.MAGIC, spirv.MAGIC, _ZSTD))))
_SECTIONS = ("OFFLOAD_DEVICE_CODE", "__CLANG_OFFLOAD_BUNDLE__", ".tgtimg", ".rodata", ".data")
"""Sections of a host library that hold device code; compressed frames count in the first three."""
_IR = "generic_ir"
MOST_UNPACKED = 1 << 30


@dataclass(frozen=True)
class Found:
    """One image. `target` is the archive's word for what it was compiled for; empty without."""

    content: bytes
    spirv: bool
    target: str = ""


class CompressedError(Exception):
    """A frame that needs the zstandard package, which is not installed."""


def images(data: bytes) -> Iterator[Found]:
    """Every device image of a library, an archive, a zebin or a SPIR-V file, in order.

    Raises CompressedError where an image is compressed and cannot be unpacked here.
    """
    if data[:4] != elf.MAGIC or _device(data, 0):
        yield from _scan(data, compressed=True)
        return
    try:
        some = elf.sections(data)
    except ValueError:
        return
    for one in some:
        if one.name.startswith(_SECTIONS):
            part = data[one.offset : one.offset + one.size]
            yield from _scan(part, compressed=not one.name.startswith((".rodata", ".data")))


def _scan(data: bytes, compressed: bool) -> Iterator[Found]:
    at = 0
    while match := _MAGIC.search(data, at):
        start = match.start()
        at = start + 4
        if match[0] == _AR:
            members, at = _members(data, start)
            yield from (one for name, body in members for one in _member(name, body))
        elif match[0] == elf.MAGIC:
            if _device(data, start):
                try:
                    content = elf.whole(data, start)
                except ValueError:
                    continue
                at = start + len(content)
                yield Found(content, spirv=False)
        elif match[0] == spirv.MAGIC:
            if (found := spirv.module(data, start)) is not None and found[1]:
                at = start + len(found[0])
                yield Found(found[0], spirv=True)
        elif compressed and (unpacked := _unpacked(data, start)) is not None:
            yield from _scan(unpacked, compressed=False)


def _members(data: bytes, at: int) -> tuple[list[tuple[str, bytes]], int]:
    """Name and content of an archive's members, and the byte behind it."""
    found, at = [], at + len(_AR)
    while data[at + 58 : at + 60] == b"`\n":
        head = data[at : at + 60]
        size = head[48:58].strip()
        if not size.isdigit() or at + 60 + int(size) > len(data):
            break
        name = head[:16].decode(errors="replace").strip().rstrip("/")
        found.append((name, data[at + 60 : at + 60 + int(size)]))
        at += 60 + int(size) + int(size) % 2
    return found, at


def _member(name: str, body: bytes) -> Iterator[Found]:
    """A target's image; the SPIR-V beside it is the same kernels once more, and left out."""
    if name != _IR and body[:4] == elf.MAGIC and _device(body, 0):
        yield Found(body, spirv=False, target=name)


def _device(data: bytes, at: int) -> bool:
    try:
        return elf.kind_of(data, at)[1] == elf.DEVICE
    except struct.error:
        return False


def _unpacked(data: bytes, at: int) -> bytes | None:
    try:
        import zstandard
    except ImportError:
        raise CompressedError from None
    try:
        unpacker = zstandard.ZstdDecompressor().decompressobj()
        content: bytes = unpacker.decompress(data[at:])
    except zstandard.ZstdError:
        return None
    return content if len(content) <= MOST_UNPACKED else None
