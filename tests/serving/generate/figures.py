"""Statistics and texts that several clients make in the same way."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

WORDS = ("the", "way", "over", "long", "stone", "river", "north", "light", "winter", "of")


def summary(
    values: ArrayLike, percentiles: tuple[float, ...], scale: float = 1.0
) -> dict[str, float]:
    """By numpy: ``mean``, ``median``, ``std``, ``min``, ``max``, ``p99``. Of nothing it is 0."""
    some = np.asarray(values, np.float64)
    some = some if some.size else np.zeros(1)
    found = {
        "mean": np.mean(some),
        "median": np.median(some),
        "std": np.std(some),
        "min": np.min(some),
        "max": np.max(some),
        **{f"p{p:g}": np.percentile(some, p) for p in percentiles},
    }
    return {key: float(value) * scale for key, value in found.items()}


def text(tokens: int, seed: int = 0) -> str:
    """English to look at: a word and the space before it for each token."""
    return "".join(f" {WORDS[(7 * i + seed) % len(WORDS)]}" for i in range(tokens))


def dumped(*values: Any) -> bytes:
    """JSON, an object a line."""
    return "".join(f"{json.dumps(value)}\n" for value in values).encode()
