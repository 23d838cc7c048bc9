"""Launch parameters that ``truetpot tune`` found for a device, looked up where kernels are made.

There is one TOML file a device, named after it, with a table a case::

    [linear.triton."dtype=bf16 m=1 n=7168 k=5120 weight_format=sym_int4"]
    config = { G = 2, BW = 128 }

The user's own file comes before the one that is part of the package. An empty ``config`` says that
the kernel's default was the best. A file may be of another version, or written by hand: what it
says is held against the configurations that the kernel has, and an entry that is none of them is
left out. A kernel is given the values as it named them itself.
"""

from __future__ import annotations

import logging
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from truetpot.errors import UserError
from truetpot.files import is_there, read_text, shortened_path, user_folder
from truetpot.ops.foreign import shown
from truetpot.ops.operator import Case
from truetpot.records.store import fault
from truetpot.records.tuned import TunedEntry
from truetpot.runtime.device import Device
from truetpot.text import escaped, one_line, shortened

MOST_BYTES = 4 << 20
"""An entry has half a kilobyte, and a kernel some dozen cases on a device."""
MOST_DOTS = 100
"""In a line: of keys, numbers, versions."""
VARIABLE = "TRUETPOT_TUNED"
"""Set to ``off``, every kernel runs with its default."""

Config = dict[str, Any]

log = logging.getLogger(__name__)


def user_file(device: Device) -> Path:
    """Where ``truetpot tune`` puts what it finds; the folder need not exist."""
    home = user_folder("XDG_DATA_HOME", ".local/share")
    return home / "truetpot" / "tuned" / f"{slug(device)}.toml"


def shipped_file(device: Device) -> Path:
    """The package's own file for the device; there is one for few."""
    return Path(__file__).parents[1] / "tuned" / f"{slug(device)}.toml"


@cache  # asking a device for its identity may start a program
def slug(device: Device) -> str:
    """The device's name as a file's: ``nvidia-h200``."""
    return re.sub(r"[^a-z0-9]+", "-", str(device.identity()["name"]).lower()).strip("-") or "device"


def read(file: Path) -> dict[str, Any]:
    """The tables of a file; none where there is no file. Raises UserError if it is not readable."""
    if not is_there(file):
        return {}
    text = read_text(file, "tuned launch parameters", MOST_BYTES)
    try:
        # tomllib takes seconds for a key of ten thousand parts
        if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise ValueError(f"a line has more than {MOST_DOTS} dots")
        return tomllib.loads(text)
    except RecursionError:
        reason = "it nests too deep"
    except ValueError as error:
        reason = shortened(one_line(str(error)), 200)
    raise UserError(f"{shortened_path(file)} cannot be read ({reason}); mend or delete it.")


def tuned_config(
    op: str,
    provider: str,
    case: Case,
    device: Device,
    known: Callable[[], Iterable[Config]],
) -> Config:
    """Launch parameters for a case; empty where there are none, or where they are switched off.

    ``known`` gives the configurations that the kernel has, the default first: an entry that is none
    of them is named in a warning, once.
    """
    if os.environ.get(VARIABLE, "").lower() == "off":
        return {}
    for file in (user_file(device), shipped_file(device)):
        entry = _entry(file, op, provider, case.label())
        if entry is None:
            continue
        try:
            config = msgspec.convert(entry, TunedEntry).config
        except msgspec.ValidationError as error:
            wrong = fault(error)
        else:
            if not config:
                return {}
            legal = [*known()]
            if (found := _legal(config, legal)) is not None:
                return found
            wrong = _fault(config, legal)
        where = f"{escaped(str(file))}: {op}.{provider}, {case.label()}"
        _warn(f"{where} is not used: {wrong}; tune it again.")
    return {}


def _legal(config: Config, known: Sequence[Config]) -> Config | None:
    """The configuration of the kernel that an entry, which may leave parameters out, names."""
    whole = {**known[0], **config} if known else config
    for one in known:
        if _equal(one, config) or _equal(one, whole):
            return {name: one[name] for name in config}
    return None


def _equal(one: Config, other: Config) -> bool:
    return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)


def _same(a: Any, b: Any) -> bool:
    """As TOML writes it: it has no tuples, and a truth value is no number."""
    plain = [list(x) if isinstance(x, tuple) else x for x in (a, b)]
    return isinstance(a, bool) == isinstance(b, bool) and plain[0] == plain[1]


def _fault(config: Config, known: Sequence[Config]) -> str:
    """Why an entry is none of the kernel's configurations."""
    if strange := sorted(set(config) - {name for one in known for name in one}):
        return f"the kernel has no parameter {', '.join(map(escaped, strange))}"
    for name, value in config.items():
        if not any(name in one and _same(one[name], value) for one in known):
            return f"no configuration of the kernel has {escaped(name)} = {shown(value)}"
    return "no configuration of the kernel has these values together"


def _entry(file: Path, op: str, provider: str, label: str) -> Any:
    try:
        state = file.stat()
    except OSError:
        return None
    found: Any = _tables(file, state.st_mtime_ns, state.st_size)
    for name in (op, provider, label):
        found = found.get(name) if isinstance(found, dict) else None
    return found


@cache
def _tables(file: Path, mtime_ns: int, size: int) -> dict[str, Any]:
    """A file's tables as long as it does not change."""
    try:
        return read(file)
    except UserError as error:
        _warn(f"{error} Until then kernels run with their defaults.")
        return {}


@cache  # a step has dozens of kernels: each fault is told once
def _warn(text: str) -> None:
    log.warning(text)
