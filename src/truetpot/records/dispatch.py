"""The record of ``truetpot dispatch``: what ipex-llm runs, from tables alone."""

from __future__ import annotations

from typing import Literal

from truetpot.records.numbers import AtLeastOne, Count
from truetpot.records.opening import Named


class DispatchRecord(Named, frozen=True, kw_only=True):
    """`truetpot dispatch --json`: no device is asked. First what was asked for, then what runs."""

    kind: Literal["dispatch"] = "dispatch"
    command: str
    """The command that repeats it."""
    device: str
    """A card of the tables."""
    batch: AtLeastOne
    format: str
    n: AtLeastOne
    k: AtLeastOne
    dtype: str
    family: str
    """ipex-llm's name for the card."""
    qtype: Count
    """Its number of the format."""
    function: str
    """The native function that it calls."""
    inside: str | None
    """Of `batch_forward`; null elsewhere."""
    rule: str
    converts: str | None
    """What it casts before that."""
    forced: bool
    """By the environment variable."""
    fused_mlp: bool
    """Gate and up of an MLP go to one fused function instead."""
