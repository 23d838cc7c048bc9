"""The files of ``truetpot tune``: launch parameters that are kept, and a search's progress."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from truetpot.records.numbers import Finite, Ratio, Seconds, Share, Words
from truetpot.records.opening import Part
from truetpot.records.tune import Figures, Found

Parameter = str | bool | Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)] | Finite


class TunedEntry(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A table `[op.provider."case"]` of a device's file, in TOML, which has no null."""

    config: dict[str, Parameter]
    """Launch parameters; empty where the default was the best."""
    gain: Ratio | None = None
    """The default's time over the best's, round by round, the median."""
    gain_ci: tuple[Ratio, Ratio] | None = None
    """At `confidence`; 95 % where there is none."""
    share_of_ceiling: Share | None = None
    default_s: Seconds | None = None
    tuned_s: Seconds | None = None
    when: str | None = None
    """UTC."""
    versions: Words = field(default_factory=dict)
    """Of truetpot and of what the kernels are made with."""
    device: Words = field(default_factory=dict)
    """Name, UUID, PCI address and driver."""
    source: str = ""
    """Digest of the kernel's files: the entry is not used for another kernel."""
    confidence: Share | None = None
    """Of `gain_ci`, which is of several processes."""
    alone: Ratio | None = None
    """Gain of the kernel alone, where the whole step decided that its default stays."""
    step_gain: Ratio | None = None
    """The whole step's time without this entry over that with it."""
    step_gain_ci: tuple[Ratio, Ratio] | None = None


class SearchKey(Part, frozen=True, kw_only=True):
    """What has to be the same for a figure to be of use again."""

    op: str
    provider: str
    case: str
    device: str
    """Name of the device's model."""
    versions: Words
    """Of truetpot, of what the kernels are made with, and of the driver."""
    source: str
    """Digest of the kernel's files."""


class ProgressLine(Part, frozen=True, kw_only=True):
    """A line of `FILE.progress.jsonl`: a look, or the end of a search."""

    key: SearchKey
    look: Figures | UnsetType = UNSET
    final: Found | UnsetType = UNSET
