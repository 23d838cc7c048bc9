"""Reported numbers into seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from truetpot.serving.readers.document import Node
from truetpot.serving.records import Figure, Metric

STATISTIC = r"mean|median|std|min|max|p\d{1,2}(?:\.\d{1,3})?"
"""As clients of vLLM's family name them."""
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def figure(metric: Metric, statistic: str, value: float | None, key: str, unit: str) -> Figure:
    """`value` in `unit` (``s``, ``ms``, ``us``, ``ns``) as a Figure; None, a null, is NaN."""
    seconds = float("nan") if value is None else value / _PER_SECOND[unit]
    return Figure(metric, statistic, seconds, key, unit)


def figures_by_key(node: Node, metrics: Mapping[str, Metric]) -> tuple[Figure, ...]:
    """Members of `node` with keys such as ``p99.9_ttft_ms``, where `metrics` has ``ttft``, in the
    file's order. The client writes ms; a copy of it that writes another unit says so in the key."""
    pattern = re.compile(rf"({STATISTIC})_({'|'.join(metrics)})_({'|'.join(_PER_SECOND)})")
    matches = [match for key in node.members if (match := pattern.fullmatch(key))]
    return tuple(figure(metrics[m[2]], m[1], node.number(m[0]), m[0], m[3]) for m in matches)
