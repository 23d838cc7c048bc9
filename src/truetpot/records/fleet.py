"""The record of ``truetpot fleet``: many machines by their records of validate and doctor."""

from __future__ import annotations

from typing import Literal

from truetpot.records.numbers import AtLeastOne, Count, Finite, NotNegative
from truetpot.records.opening import Named, Part
from truetpot.records.validate import Better, Health


class FleetMachine(Part, frozen=True, kw_only=True):
    """One machine, by the newest of its records."""

    machine: str
    """Its name; with the beginning of its id where several have one name."""
    machine_id: str | None
    verdict: Health
    """The worst of its newest records of each command and level."""
    partial: bool
    """One of these was interrupted."""
    cards: list[str]
    """Kind of card, one a card."""
    records: AtLeastOne
    first: str
    """UTC, of the oldest record, and below it of the newest."""
    last: str
    said: list[str]
    """What is wrong, a sentence each."""


class FleetFigure(Part, frozen=True, kw_only=True):
    """One figure over all equal cards: the newest value of each."""

    group: str
    """Kind of card; `host of` the cards of the machine for a figure of the host."""
    level: str
    """Of validate; `doctor` for a figure of doctor's check."""
    test: str
    figure: str
    unit: str
    better: Better
    values: AtLeastOne
    machines: AtLeastOne
    median: Finite
    spread: NotNegative
    """Robust standard deviation over the median."""
    limit: NotNegative
    """Robust standard deviations of an outlier; more for few values, and for many figures."""
    judged: bool
    """False where there are too few values to say that one is an outlier."""


class FleetValue(Part, frozen=True, kw_only=True):
    """One machine's newest value of a figure, against the others'."""

    machine: str
    device: str
    group: str
    level: str
    test: str
    figure: str
    value: Finite
    unit: str
    median: Finite
    relative: Finite
    """(value - median) / median."""
    robust: Finite
    """The same in robust standard deviations of the figure, or of what is usual for all figures
    where that is more."""
    worse: bool
    """Not the better side."""
    outlier: bool
    """Beyond both limits."""


class Variant(Part, frozen=True, kw_only=True):
    """A value that some machines have."""

    value: str
    machines: list[str]


class Difference(Part, frozen=True, kw_only=True):
    """A version or a setting that is not the same on all machines that have it."""

    group: str
    """Kind of card; `machine` for one of the host."""
    what: str
    usual: str
    """What most have; of equally many the first in order."""
    count: AtLeastOne
    """Of the machines with it."""
    others: list[Variant]


class Drift(Part, frozen=True, kw_only=True):
    """A figure of one card that is no longer what it was."""

    machine: str
    device: str
    group: str
    level: str
    test: str
    figure: str
    unit: str
    runs: AtLeastOne
    before: Finite
    """The median of the runs before the newest."""
    now: Finite
    relative: Finite
    """(now - before) / before."""
    robust: Finite
    """The same in robust standard deviations of runs of equal cards."""
    worse: bool
    since: str
    """UTC, of the first of these runs."""
    changed: list[str]
    """Versions and settings of the machine that changed between the last two runs."""


class FileLeftOut(Part, frozen=True, kw_only=True):
    """A file that was not used, and why."""

    file: str
    why: str
    record: str | None
    """The kind of record that it is, of another command; null where it cannot be read."""


class FleetLimits(Part, frozen=True, kw_only=True):
    """What makes an outlier, or a drift, as it was used."""

    robust: NotNegative
    """Robust standard deviations, at least; each figure has its own `limit`."""
    chance: NotNegative
    """That healthy machines give an outlier."""
    relative: NotNegative
    drift: NotNegative
    least_values: AtLeastOne
    least_runs: AtLeastOne


class FleetRecord(Named, frozen=True, kw_only=True):
    """What `truetpot fleet --json` writes: many machines by their records."""

    kind: Literal["fleet"] = "fleet"
    command: str
    records: Count
    """That were read."""
    left_out: list[FileLeftOut]
    limits: FleetLimits
    machines: list[FleetMachine]
    """The worst first."""
    figures: list[FleetFigure]
    outliers: list[FleetValue]
    """The farthest first."""
    differences: list[Difference]
    drifts: list[Drift]
    notes: list[str]
