"""Libraries made for tests: a host library with device code in a section, archives, wheels."""

import struct
import zipfile

SPIRV = b"\x03\x02\x23\x07"


def host_library(section, content):
    """A 64-bit ELF file for x86 with one section besides its names."""
    names = b"\0" + section.encode() + b"\0.shstrtab\0"
    at = 64
    table = at + len(content) + len(names)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    rows = [
        (0, 0, 0, 0),
        (1, 1, at, len(content)),
        (2 + len(section), 3, at + len(content), len(names)),
    ]
    packed = b"".join(
        struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, offset, size, 0, 0, 1, 0)
        for name, kind, offset, size in rows
    )
    return head + content + names + packed


def archive(members):
    """As ocloc writes a fat binary: padding, then each target's image."""
    out = b"!<arch>\n"
    for number, (name, body) in enumerate(members.items()):
        for title, content in ((f"pad_{number}/", b" " * 8), (f"{name}/", body)):
            head = f"{title:<16}{0:<12}{0:<6}{0:<6}{'644':<8}{len(content):<10}`\n"
            out += head.encode() + content + b"\n" * (len(content) % 2)
    return out


def wheel(path, licence, libraries):
    """A wheel with these libraries; ``licence`` is a line of METADATA, or None."""
    with zipfile.ZipFile(path, "w") as file:
        lines = ["Metadata-Version: 2.4", "Name: a", "Version: 1", *([licence] if licence else [])]
        file.writestr("a-1.dist-info/METADATA", "\n".join(lines) + "\n\nText.\n")
        for name, content in libraries.items():
            file.writestr(f"a/{name}", content)
    return path


def module(names):
    """A SPIR-V module with entry points and nothing else."""
    words = struct.pack("<5I", 0x07230203, 0x10400, 0, 1, 0)
    for name in names:
        text = name.encode() + b"\0" * (4 - len(name) % 4)
        words += struct.pack("<3I", (3 + len(text) // 4) << 16 | 15, 6, 1) + text
    return words
