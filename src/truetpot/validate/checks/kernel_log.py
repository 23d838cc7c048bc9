"""What the kernel's log says of cards, memory and processor since the host started."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors

LOG = Path("/dev/kmsg")
MOST_LINES = 50
"""In the record."""
MOST_RECORD = 8192
"""Bytes that one read of the log gives at most."""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``kernel_log.toml``: a pattern of the kernel's log, and its level."""

    about: str
    level: Literal["error", "warning"]
    pattern: str
    source: str


def load_lines() -> tuple[Line, ...]:
    """What is looked for; the first that fits a line counts."""
    text = resources.files(__package__).joinpath("kernel_log.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["line"], tuple[Line, ...])


def measure(setting: Setting, tell: Tell) -> Measured:
    """Count lines. Where this user may not read the log, or a container has none, it says so."""
    try:
        text = read_kmsg(LOG)
    except OSError as error:
        why = f"the kernel's log cannot be read here ({error.strerror}); see dmesg as root"
        return Measured(not_here=why)
    return judge_log(text)


def judge_log(text: str) -> Measured:
    """Readings of a log's text: errors and warnings, with the lines."""
    lines = text.splitlines()
    found = [(one.about, one.level, line) for line in lines if (one := _known(line, load_lines()))]
    counts = Counter(about for about, _, _ in found)
    kinds = [about for about, level, _ in found if level == "error"]
    bad, warned = len(kinds), len(found) - len(kinds)
    shown = [line[:300] for _, _, line in found[:MOST_LINES]]
    return Measured(
        readings=[
            errors("errors", bad, ", ".join(dict.fromkeys(kinds))),
            Reading(
                name="warnings", value=warned, unit="errors", better="lower", compared=False
            ),
        ],
        found={"lines_read": len(lines), "counts": dict(counts), "lines": shown},
    )


def read_kmsg(path: Path) -> str:
    """All that the kernel still holds, a line a message."""
    messages: list[str] = []
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                record = os.read(number, MOST_RECORD)
            except BlockingIOError:
                break
            except BrokenPipeError:  # it was overwritten while it was read: the next one is given
                continue
            if not record:
                break
            lines = record.decode("utf-8", "replace").splitlines()
            # "priority,sequence,time,flags;message", and lines of a dictionary after a space
            messages += [one.partition(";")[2] or one for one in lines if not one.startswith(" ")]
    finally:
        os.close(number)
    return "\n".join(messages)


def _known(line: str, known: Sequence[Line]) -> Line | None:
    return next((one for one in known if re.search(one.pattern, line)), None)
