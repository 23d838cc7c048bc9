"""Launch parameters that ``truetpot tune`` found for a device, looked up where kernels are made.

There is one TOML file a device, named after it, with a table a case::

    [linear.triton."dtype=bf16 m=1 n=7168 k=5120 weight_format=sym_int4"]
    config = { G = 2, BW = 128 }

The user's own file comes before the one that is part of the package. An empty ``config`` says that
the kernel's default was the best. A case without an entry takes the nearest one of the same kernel
and shape, which differs in batch and context only, and by little. A file may be of another version,
or written by hand: what it says is held against the configurations that the kernel has for the
case, and an entry that is none of them is left out. A kernel is given the values as it named them
itself.
"""

from __future__ import annotations

import logging
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from truetpot.records.words import Origin
from truetpot.runtime.device import Device
from truetpot.text import escaped, one_line, shortened

MOST_BYTES = 4 << 20
"""An entry has half a kilobyte, and a kernel some dozen cases on a device."""
MOST_DOTS = 100
"""In a line: of keys, numbers, versions."""
VARIABLE = "TRUETPOT_TUNED"
"""Set to ``off``, every kernel runs with its default."""

FARTHEST = 1.0
"""Doublings, in all, from a case to one whose entry it may take. An entry of batch 1 made attention
at batch 8, two doublings away, 1.08 times as slow as the default, and one of context 1024 at 32768
1.11 times (docs/performance/h200.md)."""
AXES = ("m", "batch", "context")
"""What a case may differ in from the one whose entry it takes, as its label names them."""
MOST_DIGITS = 18
"""Of a number in a label."""

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


@dataclass(frozen=True)
class Choice:
    """Launch parameters for a case, all of them, and where they come from."""

    config: Config = field(default_factory=dict)
    origin: Origin = Origin.DEFAULT
    of_case: str | None = None
    """Of ``nearest``: the label of the case whose entry it is."""


def choose(
    op: str,
    provider: str,
    case: Case,
    device: Device,
    known: Callable[[], Iterable[Config]],
    source: Callable[[], str] = str,
) -> Choice:
    """Launch parameters for a case: the tuned ones, else the nearest tuned, else the default.

    ``known`` gives the configurations that the kernel has, the default first, and ``source`` the
    digest of the kernel: an entry of the case that is none of them, or that another kernel was
    tuned for, is named in a warning, once. The nearest one without such a fault is taken.
    """
    found = _tuned(op, provider, case.label(), device, known, source)
    return found or Choice(dict(next(iter(known()), {})))


def _tuned(
    op: str,
    provider: str,
    label: str,
    device: Device,
    known: Callable[[], Iterable[Config]],
    source: Callable[[], str],
) -> Choice | None:
    if os.environ.get(VARIABLE, "").lower() == "off":
        return None
    files = ((user_file(device), Origin.USER), (shipped_file(device), Origin.SHIPPED))
    entries = [(file, origin, _entries(file, op, provider)) for file, origin in files]
    for file, origin, cases in entries:
        if label not in cases:
            continue
        try:
            return Choice(_config(cases[label], [*known()], source), origin)
        except ValueError as wrong:
            where = f"{escaped(str(file))}: {op}.{provider}, {label}"
            _warn(f"{where} is not used: {wrong}; tune it again.")
    for near, entry in _by_distance(label, [cases for _, _, cases in entries]):
        try:
            return Choice(_config(entry, [*known()], source), Origin.NEAREST, near)
        except ValueError:  # legal for its own case, where a fault would be told
            continue
    return None


def _config(entry: Any, known: Sequence[Config], source: Callable[[], str]) -> Config:
    """The kernel's configuration that an entry means; ValueError with what is wrong with it.

    An entry without a digest is of a time before there was one, or written by hand.
    """
    try:
        tuned = msgspec.convert(entry, TunedEntry)
    except msgspec.ValidationError as error:
        raise ValueError(fault(error)) from None
    found = _legal(tuned.config, known)
    if found is None:
        raise ValueError(_fault(tuned.config, known))
    if tuned.source and tuned.source != source():
        raise ValueError("the kernel has changed since it was tuned")
    return found


def _by_distance(label: str, files: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Near entries of the same shape, the nearest first; of two at the same distance the user's."""
    found = [
        (distance, place, near, entry)
        for place, cases in enumerate(files)
        for near, entry in cases.items()
        if near != label
        and (distance := octaves(label, near)) is not None
        and distance <= FARTHEST
    ]
    found.sort(key=lambda one: one[:3])
    return ((near, entry) for _, _, near, entry in found)


def octaves(label: str, other: str) -> float | None:
    """How far two cases are from each other in batch and context: doublings, added up.

    None where anything else differs: a shape, a format.
    """
    ours, theirs = label.split(" "), other.split(" ")
    if len(ours) != len(theirs):
        return None
    total = 0.0
    for one, two in zip(ours, theirs, strict=True):
        if one == two:
            continue
        (name, _, value), (same, _, near) = one.partition("="), two.partition("=")
        sizes = [text for text in (value, near) if text.isascii() and text.isdecimal()]
        if name != same or name not in AXES or len(sizes) < 2 or len(near) > MOST_DIGITS:
            return None
        total += abs(math.log2((int(value) + 1) / (int(near) + 1)))
    return total


def _legal(config: Config, known: Sequence[Config]) -> Config | None:
    """The whole configuration that an entry, which may leave parameters out, names."""
    whole = {**known[0], **config} if known else config
    return next((dict(one) for one in known if _equal(one, config) or _equal(one, whole)), None)


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


def _entries(file: Path, op: str, provider: str) -> Mapping[str, Any]:
    """What a file has of a kernel, by case; nothing where there is no file."""
    try:
        state = file.stat()
    except OSError:
        return {}
    found: Any = _tables(file, state.st_mtime_ns, state.st_size)
    for name in (op, provider):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


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
