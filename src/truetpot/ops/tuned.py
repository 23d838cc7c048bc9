"""Launch parameters that ``truetpot tune`` found for a device, looked up where kernels are made.

There is one TOML file a device, named after it, with a table a case::

    [linear.triton."dtype=bf16 m=1 n=7168 k=5120 weight_format=sym_int4"]
    config = { G = 2, BW = 128 }

The user's own file comes before the one that is part of the package. An empty ``config`` says that
the kernel's default was the best.
"""

from __future__ import annotations

import logging
import os
import re
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import is_there, read_text, shortened_path
from truetpot.ops.operator import Case
from truetpot.runtime.device import Device
from truetpot.text import one_line, shortened

MOST_BYTES = 4 << 20
"""An entry has half a kilobyte, and a kernel some dozen cases on a device."""
MOST_DOTS = 100
"""In a line: of keys, numbers, versions."""
VARIABLE = "TRUETPOT_TUNED"
"""Set to ``off``, every kernel runs with its default."""

log = logging.getLogger(__name__)


def user_file(device: Device) -> Path:
    """Where ``truetpot tune`` puts what it finds; the folder need not exist."""
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "truetpot" / "tuned" / f"{slug(device)}.toml"


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
    known: Callable[[], Iterable[dict[str, Any]]],
) -> dict[str, Any]:
    """Launch parameters for a case; empty where there are none, or where they are switched off.

    ``known`` gives the configurations that the kernel has: an entry with any other parameter is of
    another version, and is named in a warning once.
    """
    if os.environ.get(VARIABLE, "").lower() == "off":
        return {}
    for file in (user_file(device), shipped_file(device)):
        entry = _entry(file, op, provider, case.label())
        if entry is None:
            continue
        config = entry.get("config") if isinstance(entry, dict) else None
        if not isinstance(config, dict):
            fault = "it has no table config"
        elif strange := sorted(set(config) - {name for one in known() for name in one}):
            fault = f"the kernel has no parameter {', '.join(strange)}"
        else:
            return dict(config)
        _warn(f"{file}: {op}.{provider}, {case.label()} is not used: {fault}; tune it again.")
    return {}


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
