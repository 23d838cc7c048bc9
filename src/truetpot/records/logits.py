"""The record of ``truetpot decode --tokens``: what the model makes of given tokens."""

from __future__ import annotations

from typing import Literal

from truetpot.records.numbers import Count, Words
from truetpot.records.opening import Measured


class LogitsRecord(Measured, frozen=True, kw_only=True):
    """`truetpot decode --tokens ... --json`: nothing is timed."""

    kind: Literal["logits"] = "logits"
    model: str
    dtype: str
    """Of activations."""
    device: str
    format: str
    """Of weights."""
    kv_format: str
    providers: Words
    """By role."""
    tokens: list[Count]
    likeliest: list[Count]
    """The next token after each."""
    logits: str | None
    """The file of `--save-logits`."""
