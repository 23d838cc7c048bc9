"""One compilation of an OpenCL source as data: what a kernel runs and what is inspected offline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from truetpot.errors import UserError

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"[ \t]*$', re.MULTILINE)


@dataclass(frozen=True)
class Build:
    """One compilation: what a kernel runs and what ``truetpot isa`` inspects."""

    source: str
    """``argmax/argmax.cl``, relative to the kernels folder; a user's own is an absolute path."""
    function: str
    """Entry point."""
    macros: Mapping[str, int | str | float] = field(default_factory=dict)
    """``-D`` options."""
    variant: str = ""
    """Short name for tables: ``sym_int4 m=1``, ``sym_int4 m=8 dg2``."""
    subgroup: int = 0
    """The size that the source asks for as ``SUBGROUP``; 0 where it asks for none."""
    flags: tuple[str, ...] = ()
    """Options beside those that every build has: ``-cl-fast-relaxed-math``."""


def options(build: Build) -> tuple[str, ...]:
    """Compiler options, the same for a device's driver and for ocloc."""
    macros = dict(build.macros)
    if build.subgroup:
        macros["SUBGROUP"] = build.subgroup
    defined = [f"-D{name}={_literal(value)}" for name, value in macros.items()]
    return ("-cl-std=CL3.0", "-cl-mad-enable", *build.flags, *defined)


def expand(source: Path, folders: Sequence[Path]) -> str:
    """The source with every ``#include "name"`` replaced by that file, once each.

    A name is looked for beside the source and in `folders`. ``#line`` tells the compiler, and with
    it the reader of an error, the file and the line. Raises UserError for a file that is not there.
    """
    return _expanded(source, folders, set())


def _expanded(source: Path, folders: Sequence[Path], seen: set[Path]) -> str:
    seen.add(source.resolve())
    try:
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"The OpenCL source {source} cannot be read ({error.strerror}).") from None

    def included(match: re.Match[str]) -> str:
        name = match[1]
        found = next((f for d in (source.parent, *folders) if (f := d / name).is_file()), None)
        if found is None:
            raise UserError(f"{source.name} includes {name}, which is in none of the folders.")
        next_line = text.count("\n", 0, match.start()) + 2
        inner = "" if found.resolve() in seen else _expanded(found, folders, seen)
        return f'{inner}\n#line {next_line} "{source.name}"'

    return f'#line 1 "{source.name}"\n' + _INCLUDE.sub(included, text)


def _literal(value: float | str) -> str:
    return f"{value!r}f" if isinstance(value, float) else str(value)
