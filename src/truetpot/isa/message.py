"""What a send does: the disassembler's comment behind it, read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from truetpot.isa.assembly import Instruction

_LENGTHS = re.compile(r"wr:(\d+)h?\+(\d+), rd:(\d+); (.*)")
_DATA = re.compile(r"\.d(\d+)(?:[uc]\d+)?(?:x(\d+))?(t)?\b")
_CACHE = re.compile(r"\.((?:uc|ca|cc|wb|wt|st|ri|df)\.(?:uc|ca|cc|wb|wt|st|ri|df))\b")
_SCRATCH = re.compile(r"\bscratch\b|\bss\[")
"""The older port's own messages; of newer ones, those that address the scratch surface."""
_FULL = 31
"""Registers of a message as five bits hold them: of a block of rows and columns they are 32, as the
sides are powers of two."""
_FLAT = re.compile(r"flat\[A([+-]0x[0-9a-fA-F]+)\]")


@dataclass(frozen=True)
class Message:
    """One send of a sub-group."""

    verb: str
    """``load``, ``store``, ``atomic``, ``prefetch``, ``fence``, ``barrier``, ``end``, ``other``."""
    space: str
    """``ugm`` (global), ``slm`` (local), ``dc0`` (the older global port), ``gtwy``, ``scratch``."""
    nbytes: int
    """Of memory that it moves for the whole sub-group."""
    block: bool
    """A contiguous run, rather than an address a lane."""
    cache: str
    """L1 and L3 hints (``ca.ca``); ``default`` where it has none."""
    surface: int | None
    """Binding table index, where it addresses by one."""
    displacement: int
    """Bytes that the message adds to its address."""
    address_bytes: int
    shaped: bool = False
    """A block of rows and columns, whose address has a pitch too."""
    elements: int = 1
    """That each lane moves; a register of each comes after those of the one before."""

    def label(self) -> str:
        """``load ugm 256 B block ca.ca``: how sends are counted."""
        if self.verb in ("fence", "barrier", "end", "other"):
            return self.verb
        size = f"{self.nbytes} B" + (" block" if self.block else "")
        return f"{self.verb} {self.space} {size} {self.cache}"


def read_message(send: Instruction, register_bytes: int) -> Message:
    """The message of a send; a register holds `register_bytes`."""
    space = send.op.split(".")[1] if "." in send.op else ""
    found = _LENGTHS.search(send.comment)
    what = found[4] if found else ""
    if _SCRATCH.search(what):
        space = "scratch"
    read, written = (int(found[3]), int(found[2])) if found else (0, 0)
    verb = _verb(what)
    if verb == "load" and not read:
        verb = "prefetch"  # a load to nowhere
    surface = re.search(r"bti\[(\d+)\]", what)
    flat = _FLAT.search(what)
    cache = _CACHE.search(what)
    data = _DATA.search(what)
    whole, shaped = read or written, "2d" in what
    if shaped and whole == _FULL:
        whole += 1
    block, nbytes = True, whole * register_bytes
    if data and "block2d" not in what and "_2d" not in what:
        block = data[3] is not None
        nbytes = int(data[1]) // 8 * int(data[2] or 1) * (1 if block else send.lanes)
    return Message(
        verb,
        space,
        nbytes if verb in ("load", "store", "atomic", "prefetch") else 0,
        block,
        cache[1] if cache else "default",
        int(surface[1]) if surface else None,
        int(flat[1], 0) if flat else 0,
        8 if ".a64" in what else 4,
        shaped,
        int(data[2] or 1) if data and not block else 1,
    )


def _verb(what: str) -> str:
    if "end of thread" in what:
        return "end"
    for verb in ("load", "store", "atomic", "fence"):
        if what.startswith(verb):
            return verb
    if "prefetch" in what:
        return "prefetch"
    if "read" in what:
        return "load"
    if "write" in what:
        return "store"
    return "barrier" if "barrier" in what else "other"
