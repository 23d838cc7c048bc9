"""The configurations of one kernel and case as a space to search: only those that are legal."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from truetpot.ops.registry import Config

Ordinals = NDArray[np.int64]


class Space:
    """Configurations by index. A restriction is one that is not in the list.

    ``ordinals`` [configurations, parameters] has of each value its index among the values of that
    parameter, smallest first: launch parameters are mostly powers of two, whose ordinals are as far
    apart as their effects. A parameter that a configuration lacks has an ordinal of its own.
    """

    def __init__(self, configs: Sequence[Config]) -> None:
        self.configs = [dict(config) for config in configs]
        self.names = list(dict.fromkeys(name for config in configs for name in config))
        columns = [_ordinals_of([config.get(name) for config in configs]) for name in self.names]
        columns = [column for column in columns if column.max(initial=0) > 0]
        shape = len(configs), len(columns)
        self.ordinals: Ordinals = np.array(columns, dtype=np.int64).T.reshape(shape)

    def __len__(self) -> int:
        return len(self.configs)

    def find(self, config: Config) -> int | None:
        """The index of a configuration; None where it is not legal."""
        return self._rows.get(key(config))

    @cached_property
    def _rows(self) -> dict[Hashable, int]:
        return {key(config): i for i, config in enumerate(self.configs)}

    def neighbours(self, index: int) -> list[int]:
        """Those that differ in one parameter."""
        apart = np.count_nonzero(self.ordinals != self.ordinals[index], axis=1)
        return [int(i) for i in np.flatnonzero(apart == 1)]


def key(config: Config) -> Hashable:
    """What configurations are told apart by: ``True`` is no 1, and ``1.0`` is none either."""
    return frozenset((name, type(value).__name__, repr(value)) for name, value in config.items())


def _ordinals_of(values: Sequence[Any]) -> Ordinals:
    """Numbers by size, then everything else by its text; what is missing comes first."""
    keys = [_order(value) for value in values]
    index = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([index[key] for key in keys], dtype=np.int64)


def _order(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return 2, 0.0, str(value)
