"""The table of limits: which share of what is expected passes, by test, figure and card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from truetpot.validate.plan import table


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``limits.toml``: one of share, least and most, or a warning alone."""

    test: str
    figure: str
    source: str
    do: str
    card: str = ""
    share: float | None = None
    least: float | None = None
    most: float | None = None
    warn: float | None = None
    always: bool = False
    """At small sizes too."""


class Relative(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a figure may be worse than that of an equal card."""

    warn: float
    fail: float
    source: str
    do: str
    robust: float = 0.0
    """Distance in robust deviations that an outlier has too."""


@dataclass(frozen=True)
class Limits:
    """All of ``limits.toml``: from where on each figure passes."""

    limits: tuple[Limit, ...]
    baseline: Relative
    sisters: Relative
    wrong: Mapping[str, str]
    """What to do where something is wrong, by test."""

    def find(self, test: str, figure: str, card: str | None) -> Limit | None:
        """The entry of this card, else that of any; the first of several."""
        fits = [
            one
            for one in self.limits
            if one.test == test and one.card in ("", card) and re.fullmatch(one.figure, figure)
        ]
        return next((one for one in fits if one.card), next(iter(fits), None))


@cache
def load_limits() -> Limits:
    """The limits that the package has in ``limits.toml``."""
    read: dict[str, Any] = table("limits.toml")
    return Limits(
        msgspec.convert(read["limit"], tuple[Limit, ...]),
        msgspec.convert(read["baseline"], Relative),
        msgspec.convert(read["sisters"], Relative),
        msgspec.convert(read["wrong"], dict[str, str]),
    )
