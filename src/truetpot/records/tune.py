"""The record of ``truetpot tune``: what a search of launch parameters found."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from truetpot.records.ceiling import CeilingRow
from truetpot.records.numbers import Config, Ratio, Seconds, Share
from truetpot.records.opening import Measured, Part


class TuneStatus(StrEnum):
    """What became of a search."""

    TUNED = "tuned"
    """Another configuration than the default won."""
    DEFAULT = "default"
    """The default stays."""
    WRONG = "wrong"
    """The default's result is."""
    SKIPPED = "skipped"
    """There is nothing to search, or it cannot run here."""
    PARTIAL = "partial"
    """The search was interrupted."""


class Figures(Part, frozen=True, kw_only=True):
    """One configuration in a race with the default and the read ceiling."""

    config: Config
    reason: str = ""
    """Why it has no time: it does not compile, is wrong, or a sample of it is impossible."""
    median_s: Seconds | None = None
    """Of one call."""
    gain: Ratio | None = None
    """The default's time over this one's, round by round, the median."""
    gain_ci: tuple[Ratio, Ratio] | None = None
    """95 %."""
    share_of_ceiling: Share | None = None
    """Null where the inputs may come out of a cache."""


class Found(Part, frozen=True, kw_only=True):
    """The end of a search: the default and the best, timed in one race."""

    default: Figures
    best: Figures
    """The default again where nothing beats it beyond the interval of the gain."""
    when: str
    """UTC."""

    @property
    def improved(self) -> bool:
        """Whether another configuration than the default won."""
        return self.best.config != self.default.config


class TunedRow(Part, frozen=True, kw_only=True):
    """One case and provider."""

    op: str
    case: str
    format: str
    """Of the weights; of the activations where there are none."""
    roles: list[str]
    """Of the case in the decode step."""
    provider: str
    status: TuneStatus
    reason: str
    """Of `wrong`, `skipped` and `partial`."""
    when: str | None
    """UTC, of the last race; null without one."""
    default: Figures | None
    """Its figures in the last race."""
    best: Figures | None
    """From the same race."""
    looks: list[Figures]
    """Every other configuration in its short race."""


class TuneRecord(Measured, frozen=True, kw_only=True):
    """`truetpot tune --json`."""

    kind: Literal["tune"] = "tune"
    model: str | None
    """Null with `--shape`."""
    device: str
    """`cpu`, `xpu:0`."""
    file: str
    """Where the entries are kept."""
    ceiling: CeilingRow | None
    results: list[TunedRow]
    warnings: list[str]
    state_after: dict[str, Any]
    """As `environment.state`, at the end."""
