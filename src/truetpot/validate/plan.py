"""Which tests a level has, and on what each is run."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any, Literal

import msgspec

from truetpot.errors import UserError
from truetpot.facts.kinds import torch_kinds
from truetpot.text import shortened

HOST, ALL = "host", "all"
"""What stands for the device of a test of the host, and of all cards together."""


class Level(StrEnum):
    """About 1, 5 and 30 minutes for one card."""

    QUICK = "quick"
    MEDIUM = "medium"
    LONG = "long"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A test's part in a level, in seconds: for the measurement, and until its process is ended."""

    seconds: float
    limit_s: float


class Test(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``plan.toml``: a test, and what it needs."""

    __test__ = False  # pytest: no test of this package

    name: str
    about: str
    on: Literal["card", "cards", "host"]
    do: str
    kinds: tuple[str, ...] = msgspec.field(default_factory=torch_kinds)
    least_cards: int = 1
    together: bool = False
    """On all cards at the same time, a process each."""
    attempts: int = 3
    """How often a figure below its limit is measured before it fails."""
    quick: Part | None = None
    medium: Part | None = None
    long: Part | None = None

    def part(self, level: Level) -> Part | None:
        """The test's part in a level; None where it has none."""
        found: Part | None = getattr(self, level.value)
        return found


@dataclass(frozen=True)
class Job:
    """One test on one card, on all or on the host."""

    test: Test
    part: Part
    where: str
    """`xpu:0`, `all`, `host`."""
    devices: tuple[str, ...]
    why_not: str = ""
    """Why it is not run; empty where it is."""

    @property
    def key(self) -> tuple[str, str]:
        """Test and device, which are unique in a run."""
        return self.test.name, self.where


def load_tests() -> tuple[Test, ...]:
    """Every test of ``plan.toml``, in its order."""
    return msgspec.convert(table("plan.toml")["test"], tuple[Test, ...])


def cool_s(level: Level) -> float:
    """Seconds between two measurements of a figure below its limit."""
    return float(table("plan.toml")["cool"][level.value])


def table(name: str) -> dict[str, Any]:
    """One of this package's TOML tables."""
    text = resources.files("truetpot.validate").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def chosen_tests(only: Sequence[str] = ()) -> tuple[Test, ...]:
    """Those named, in the order of the plan; all without a name. UserError for an unknown one."""
    tests = load_tests()
    known = [test.name for test in tests]
    if unknown := [name for name in only if name not in known]:
        raise UserError(
            f"There is no test {shortened(unknown[0])!r}; choose from {', '.join(known)}."
        )
    return tuple(test for test in tests if not only or test.name in only)


def jobs(
    tests: Sequence[Test], level: Level, devices: Sequence[str], seconds: float | None = None
) -> Iterator[Job]:
    """Each test as often as it is run; ``seconds`` instead of the level's for each measurement.

    What cannot be run on these devices is listed with its reason.
    """
    kinds = {name.partition(":")[0] for name in devices}
    for test in tests:
        part = test.part(level)
        if part is None:
            continue
        if seconds is not None:
            part = Part(min(part.seconds, seconds), part.limit_s)
        if test.on == "host":
            yield Job(test, part, HOST, ())
        elif test.on == "cards":
            yield Job(test, part, ALL, tuple(devices), _why_not(test, kinds, len(devices)))
        else:
            for name in devices:
                here = {name.partition(":")[0]}
                yield Job(test, part, name, (name,), _why_not(test, here, len(devices)))


def _why_not(test: Test, kinds: set[str], count: int) -> str:
    if lost := sorted(kinds - set(test.kinds)):
        return f"it has no kernels for {', '.join(lost)}"
    if count < test.least_cards and kinds != {"cpu"}:
        return f"it needs {test.least_cards} cards, and there is {count}"
    return ""
