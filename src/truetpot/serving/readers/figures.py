"""Turns figures that a tool reports into seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from truetpot.serving.records import Figure, Metric

STATISTIC = r"mean|median|std|min|max|p\d{1,2}(?:\.\d{1,3})?"
"""As clients of vLLM's family name them."""
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


class Fields(Protocol):
    """A JSON object or a row of a CSV: values by key, None where absent."""

    @property
    def members(self) -> Mapping[str, object]:
        """All values of the record, by key."""

    def number(self, key: str, /) -> float | None:
        """Raises UserError for what is none."""

    def count(self, key: str, /) -> int | None:
        """A whole number; raises UserError for what is none."""

    def text(self, key: str, /) -> str | None:
        """Raises UserError for what is none."""


def figure(metric: Metric, statistic: str, value: float | None, key: str, unit: str) -> Figure:
    """`value` in `unit` (``s``, ``ms``, ``us``, ``ns``) as a Figure; None, a null, is NaN."""
    seconds = float("nan") if value is None else value / _PER_SECOND[unit]
    return Figure(metric, statistic, seconds, key, unit)


def figures_by_key(fields: Fields, metrics: Mapping[str, Metric]) -> tuple[Figure, ...]:
    """Members of `fields` with keys such as ``p99.9_ttft_ms``, where `metrics` has ``ttft``, in the
    file's order. The client writes ms; a copy of it that writes another unit says so in the key."""
    pattern = re.compile(rf"({STATISTIC})_({'|'.join(metrics)})_({'|'.join(_PER_SECOND)})")
    matches = [match for key in fields.members if (match := pattern.fullmatch(key))]
    return tuple(figure(metrics[m[2]], m[1], fields.number(m[0]), m[0], m[3]) for m in matches)
