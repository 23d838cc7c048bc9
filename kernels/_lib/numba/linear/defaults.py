"""Defaults of launch parameters that depend on the processor or on a dtype, from a table."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from truetpot.runtime.host import cpuinfo


class Ahead(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Prefetch distance of some processors; what an entry does not name fits every one."""

    name: str
    bytes: int
    reason: str
    measured: bool
    """On one of these processors."""
    vendor: str = ""
    family: int | None = None
    models: tuple[int, ...] = ()

    def fits(self, processor: dict[str, str]) -> bool:
        """Whether a processor, by its fields of /proc/cpuinfo, is one of these."""
        return (
            self.vendor in ("", processor.get("vendor_id"))
            and self.family in (None, _number(processor, "cpu family"))
            and (not self.models or _number(processor, "model") in self.models)
        )


class Defaults(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The table ``defaults.toml``: prefetch distances by processor, parts of x by dtype."""

    ahead: tuple[Ahead, ...]
    parts: dict[str, int]
    """By the dtype of x, for formats of scaled blocks where ``vpdpbusd`` is there."""


@cache
def defaults() -> Defaults:
    """Read the table, once a process."""
    text = Path(__file__).with_name("defaults.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Defaults)


def ahead(processor: dict[str, str] | None = None) -> Ahead:
    """The first entry that fits the processor, this machine's if none is given."""
    here = cpuinfo() if processor is None else processor
    return next(entry for entry in defaults().ahead if entry.fits(here))


def _number(processor: dict[str, str], field: str) -> int | None:
    value = processor.get(field, "")
    return int(value) if value.isdecimal() else None
