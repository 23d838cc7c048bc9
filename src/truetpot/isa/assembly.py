"""Xe assembly as ``ocloc disasm`` prints it: instructions with operands, labels, loops."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from truetpot.errors import UserError

SIZES = {
    "b": 1, "ub": 1, "bf8": 1, "hf8": 1, "w": 2, "uw": 2, "hf": 2, "bf": 2, "d": 4, "ud": 4, "f": 4,
    "tf32": 4, "v": 4, "uv": 4, "vf": 4, "q": 8, "uq": 8, "df": 8,
}  # fmt: skip
"""Bytes of an element by its type's suffix."""
FLOATS = ("hf", "f", "df", "bf", "tf32", "vf")

_LABEL = re.compile(r"^(L\d+):$")
_LINE = re.compile(
    r"^\s*(?:\((?P<predicate>[^)|]*)\)\s+)?(?P<op>[a-z]\w*(?:\.\w+)*)"
    r"(?:\s+\((?P<lanes>\d+)\|M(?P<first>\d+)\))?\s*(?:\((?P<compare>[a-z]+)\)(?P<flag>f\d\.\d)\s+)?"
    r"(?P<rest>.*)$"
)
_REGISTER = re.compile(
    r"^[-~]*(?:\(abs\))?(?P<file>r|acc|a|f|cr|sr|null)(?P<number>\d*)(?:\.(?P<sub>\d+))?"
    r"(?P<region><[^>]*>)?(?::(?P<type>[a-z]\w*))?$"
)
_TOKENS = re.compile(r"\{(?P<tokens>[^{}]*)\}\s*$")
_IMMEDIATE = re.compile(r"^(?P<value>-?(?:0x[0-9A-Fa-f]+|\d+)):(?P<type>[a-z]\w*)$")


_NAN = re.compile(r"^-?(?P<kind>[qs])nan\((?P<rest>0x[0-9A-Fa-f]+)\)$")
_FORMATS = {"hf": (16, 10), "bf": (16, 7), "f": (32, 23), "df": (64, 52)}
"""Bits of a floating-point type, and of its fraction."""


@dataclass(frozen=True)
class Operand:
    """A register region or an immediate."""

    file: str
    """``r``, ``acc``, ``a``, ``null`` and the like; ``imm`` for a number."""
    number: int = 0
    sub: int = 0
    """Element within the register."""
    stride: int = 1
    """Elements from one lane's to the next; 0: all lanes read the same one."""
    type: str = "ud"
    value: int | None = None
    negated: bool = False
    region: tuple[int, ...] = ()
    """As it is written: ``(8, 8, 1)`` of ``<8;8,1>``; empty where there is none."""
    absolute: bool = False

    @cached_property
    def size(self) -> int:
        """Bytes of one element of the operand."""
        return SIZES.get(self.type, 4)

    def span(self, lanes: int) -> int:
        """Bytes from the first lane's element to the end of the last lane's."""
        return (lanes - 1) * self.stride * self.size + self.size


@dataclass(frozen=True)
class Instruction:
    """One line. `offset` is its byte address in the kernel."""

    offset: int
    op: str
    lanes: int
    dst: Operand | None
    sources: tuple[Operand, ...]
    labels: tuple[str, ...]
    """Where it may jump."""
    comment: str
    compacted: bool
    """Eight bytes rather than sixteen."""
    predicate: str = ""
    """``f0.0``, ``~f0.0``; empty where all lanes that are here execute it."""
    everywhere: bool = False
    """``(W)``: also in lanes that are not here."""
    compare: str = ""
    """``lt`` of ``(lt)f0.0``."""
    flag: str = ""
    first: int = 0
    """Its first lane among those of the sub-group."""
    tokens: tuple[str, ...] = field(default=())
    """What it waits for and what it sets: ``A@1``, ``$3``, ``$3.dst``."""
    descriptor: int = 0
    """Of a send: the number that says what it does."""

    @cached_property
    def name(self) -> str:
        """The opcode without what follows a point: ``bfn`` of ``bfn.0x6a``."""
        return self.op.partition(".")[0]

    @cached_property
    def kind(self) -> str:
        """The class that it is counted in."""
        name = self.name
        if name in ("send", "sends", "sendc", "sendg"):
            return "send"
        if name in ("sync", "nop", "illegal", "wait", "thryld"):
            return "sync" if name != "illegal" else "padding"
        if name in ("dpas", "dpasw", "math"):
            return "dpas" if name != "math" else "math"
        if self.labels or name in ("ret", "calla", "call", "jmpi", "halt"):
            return "branch"
        written = self.dst is not None and self.dst.file != "null"
        typed = (self.dst,) if written else (self.dst, *self.sources)  # a comparison has no result
        return "float" if any(o is not None and o.type in FLOATS for o in typed) else "integer"


@dataclass(frozen=True)
class Code:
    """A kernel's instructions, and the index that each label stands before."""

    instructions: tuple[Instruction, ...]
    labels: dict[str, int]

    def inner_loops(self) -> list[range]:
        """Indices of the loops with no loop in them: from a jump's target to the jump back."""
        ends: dict[int, int] = {}
        for i, instruction in enumerate(self.instructions):
            for label in instruction.labels:
                start = self.labels.get(label, i + 1)
                if start <= i:
                    ends[start] = max(ends.get(start, 0), i)
        loops = [range(start, end + 1) for start, end in sorted(ends.items())]
        return [
            loop
            for loop in loops
            if not any(o != loop and o.start >= loop.start and o.stop <= loop.stop for o in loops)
        ]


def parse(text: str) -> Code:
    """Read a listing. Raises UserError where a line is no instruction."""
    instructions: list[Instruction] = []
    labels: dict[str, int] = {}
    offset = 0
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("//"):
            continue
        if found := _LABEL.match(line.strip()):
            labels[found[1]] = len(instructions)
            offset = int(found[1][1:])
            continue
        instruction = _instruction(line, offset)
        if instruction.kind == "padding":
            break  # behind the kernel's end
        instructions.append(instruction)
        offset += 8 if instruction.compacted else 16
    return Code(tuple(instructions), labels)


def _instruction(line: str, offset: int) -> Instruction:
    code, _, comment = line.partition("//")
    found = _LINE.match(code.rstrip())
    if found is None:
        raise UserError(f"The disassembly has a line that is no instruction: {line.strip()!r}.")
    predicate = found["predicate"] or ""
    tokens = _TOKENS.search(found["rest"])
    words = _TOKENS.sub("", found["rest"]).split()
    labels = tuple(word for word in words if re.fullmatch(r"L\d+", word))
    operands = [] if labels else [o for word in words if (o := _operand(word)) is not None]
    return Instruction(
        offset,
        found["op"],
        int(found["lanes"] or 1),
        operands[0] if operands else None,
        tuple(operands[1:]),
        labels,
        comment.strip(),
        "Compacted" in code,
        predicate.removeprefix("W").removeprefix("&"),
        predicate.startswith("W"),
        found["compare"] or "",
        found["flag"] or "",
        int(found["first"] or 0),
        tuple(_waits(words))
        + tuple(w for w in (tokens["tokens"] if tokens else "").split(",") if w),
        _descriptor(words),
    )


def _descriptor(words: list[str]) -> int:
    """The last number without a type, which only sends have."""
    numbers = [word for word in words if re.fullmatch(r"0x[0-9A-Fa-f]+", word)]
    return int(numbers[-1], 16) if numbers else 0


def _waits(words: list[str]) -> list[str]:
    """Of ``sync.allrd ($2,$3)``."""
    return [one for word in words if word.startswith("($") for one in word.strip("()").split(",")]


@lru_cache(maxsize=1 << 14)
def _operand(word: str) -> Operand | None:
    if found := _IMMEDIATE.match(word):
        return Operand("imm", type=found["type"], stride=0, value=int(found["value"], 0))
    if re.match(r"^-?[\d.]+(?:e[-+]?\d+)?:[a-z]\w*$|^-?(?:inf|[sq]nan).*:[a-z]\w*$", word):
        number, _, kind = word.rpartition(":")
        return Operand("imm", type=kind, stride=0, value=_bits(number, kind))
    if found := _REGISTER.match(word):
        # a send's register has a count (r3:1) or nothing behind it
        return Operand(
            found["file"],
            int(found["number"] or 0),
            int(found["sub"] or 0),
            _stride(found["region"]),
            found["type"] or "ud",
            negated=word[0] in "-~",
            region=tuple(int(n) for n in re.findall(r"\d+", found["region"] or "")),
            absolute="(abs)" in word,
        )
    if re.match(r"^r\d+:\d+$", word):
        return Operand("r", int(word[1:].partition(":")[0]))
    if word.startswith(("r[", "-r[", "(abs)r[")):
        return Operand("indirect", type=word.rpartition(":")[2])
    return None


def _stride(region: str | None) -> int:
    """Of ``<1>``, ``<0;1,0>``, ``<8;8,1>``, and of ternary instructions' ``<1;0>``."""
    if region is None:
        return 1
    numbers = [int(n) for n in re.findall(r"\d+", region)]
    if len(numbers) == 3 and numbers[1] != 1:
        return numbers[2]
    return numbers[0]


def _bits(number: str, kind: str) -> int | None:
    """A float's bits: compilers write integers so too, where the bits are what they are after."""
    if kind not in _FORMATS:
        return None
    whole, fraction = _FORMATS[kind]
    if found := _NAN.match(number):
        exponent = (1 << whole - 1) - (1 << fraction)
        quiet = 1 << fraction - 1 if found["kind"] == "q" else 0
        sign = 1 << whole - 1 if number.startswith("-") else 0
        return sign | exponent | quiet | int(found["rest"], 16)
    try:
        packed = struct.pack({"hf": "<e", "df": "<d"}.get(kind, "<f"), float(number))
    except (ValueError, OverflowError):
        return None
    return int.from_bytes(packed, "little") >> (16 if kind == "bf" else 0)
