"""What weight and KV formats cost to store, and which of the bytes carry information."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from truetpot.errors import UserError
from truetpot.facts.tables import convert, read
from truetpot.text import meant


@dataclass(frozen=True)
class FormatFacts:
    """Sizes of one weight format; see formats.toml for what each field counts."""

    name: str
    code_bits: int
    source: str
    block: int = 1
    scale_bytes: int = 0
    constant_scale_bytes: int = 0

    @property
    def bits_per_weight(self) -> float:
        """Bits a weight that have to be read: codes and scales, no constants."""
        return self.code_bits + 8 * self.scale_bytes / self.block

    @property
    def k_multiple(self) -> int:
        """K must be a multiple of this: the block, where blocks have scales of their own."""
        return self.block if self.scale_bytes else 1


@dataclass(frozen=True)
class KvFacts:
    """Bytes of one element of a KV cache."""

    bytes: int
    source: str


@cache
def all_formats() -> dict[str, FormatFacts]:
    """Every weight format of formats.toml by name."""
    return {
        name: convert({"name": name, **entry}, FormatFacts, f"formats.toml [{name}]")
        for name, entry in read("formats.toml").items()
        if name != "kv"
    }


@cache
def kv_formats() -> dict[str, KvFacts]:
    """Every KV cache format of formats.toml by name."""
    table = read("formats.toml")["kv"]
    return {n: convert(entry, KvFacts, f"formats.toml [kv.{n}]") for n, entry in table.items()}


def format_facts(name: str) -> FormatFacts:
    """The sizes of a weight format. Raises UserError for an unknown name."""
    if name not in all_formats():
        known = [name for name in all_formats() if not name.startswith("ggml_")]
        near = meant(name, known)
        raise UserError(f"unknown weight format {name!r}{near}; known are {', '.join(known)}.")
    return all_formats()[name]


def kv_bytes(name: str) -> int:
    """Bytes of one K or V element in a KV format. Raises UserError for an unknown name."""
    if name not in kv_formats():
        known, near = ", ".join(kv_formats()), meant(name, kv_formats())
        raise UserError(f"unknown KV format {name!r}{near}; known are {known}.")
    return kv_formats()[name].bytes


def storage(name: str, n: int, k: int) -> tuple[int, int, int]:
    """(code bytes, scale bytes, constant scale bytes) of a weight matrix [n, k] in format `name`.

    The first two are information and must move for every use of the matrix, so a floor counts them.
    The third a vendor stores and may well read, but a kernel that knows the constant need not: a
    floor reports it apart and leaves it out. Raises UserError if K is no multiple of a block that
    has scales.
    """
    facts = format_facts(name)
    if k % facts.k_multiple:
        raise UserError(
            f"{name} has blocks of {facts.block} along K, and K = {k} is no multiple of that; "
            "choose a format without blocks or a model whose K fits."
        )
    blocks = n * -(-k // facts.block)
    codes = -(-n * k * facts.code_bits // 8)
    return codes, blocks * facts.scale_bytes, blocks * facts.constant_scale_bytes
