"""A table of a library: times of one operator in one format, by shape, from one file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from truetpot.facts.formats import all_formats, kv_formats
from truetpot.facts.hardware import Hardware

Key = tuple[int | str, ...]
INTERPOLATED: Mapping[str, tuple[str, ...]] = {
    "linear": ("n", "m", "k"),
    "decode_attention": ("heads", "tokens", "batch"),
    "all_reduce": ("bytes",),
    "all_gather": ("bytes",),
    "reduce_scatter": ("bytes",),
}
"""Axes along which a time may be interpolated, that with the least error first. Bytes are linear in
n, k, tokens, heads, batch and payload, operations in m."""
FEW_ROWS = 32
"""Up to so many rows a linear layer is bound by its weights on every card of the tables."""


@dataclass(frozen=True)
class Origin:
    """Whose times these are, and under what conditions they were taken."""

    file: str
    device: str
    """As the file names it."""
    card: Hardware | None
    stack: str
    """The framework and its kernels: ``VLLM vllm_default``."""
    version: str
    timing: str


@dataclass(frozen=True, eq=False)
class Table:
    """`rows` maps a shape, in the order of `axes`, to seconds.

    `format` is the library's word for the weights (of attention for the cache, of a collective for
    the payload), `formats` what it stands for here. A table whose axes are words cannot be
    interpolated; its rows are listed only.
    """

    op: str
    format: str
    formats: tuple[str, ...]
    axes: tuple[str, ...]
    rows: Mapping[Key, float]
    origin: Origin

    @property
    def name(self) -> str:
        """As people name it: operator, format, stack and version."""
        return f"{self.op} {self.format} of {self.origin.stack} {self.origin.version}"

    def get(self, key: Key, axis: str) -> int:
        """One coordinate of a shape; 0 where the table has no such axis."""
        return int(key[self.axes.index(axis)]) if axis in self.axes else 0

    def demand(self, key: Key) -> int | None:
        """Bytes of weights, or of the cache, that one call cannot do without; None if not known."""
        match self.op:
            case "linear":
                facts = all_formats().get(self.formats[0])
                if facts is None:
                    return None
                weights = self.get(key, "n") * self.get(key, "k")
                return int(weights * facts.bits_per_weight / 8)
            case "decode_attention":
                kv = next((kv_formats()[f] for f in self.formats if f in kv_formats()), None)
                if kv is None:
                    return None
                tokens, window = self.get(key, "tokens"), self.get(key, "window")
                read = min(tokens, window) if window else tokens
                heads = self.get(key, "batch") * self.get(key, "kv_heads")
                return 2 * heads * self.get(key, "head_dim") * read * kv.bytes
        return None

    def operations(self, key: Key) -> int:
        """Multiplications and additions of one call, as far as they can bind it."""
        if self.op != "linear":
            return 0
        return 2 * self.get(key, "m") * self.get(key, "n") * self.get(key, "k")

    @cached_property
    def along(self) -> dict[str, dict[Key, list[int]]]:
        """By axis: values that were measured, sorted, by the other coordinates."""
        found: dict[str, dict[Key, list[int]]] = {}
        for axis in INTERPOLATED.get(self.op, ()):
            if axis not in self.axes:
                continue
            at, lines = self.axes.index(axis), found.setdefault(axis, {})
            for key in self.rows:
                lines.setdefault(key[:at] + key[at + 1 :], []).append(int(key[at]))
            for values in lines.values():
                values.sort()
        return found

    @cached_property
    def values(self) -> dict[str, list[int]]:
        """By axis: every value that was measured somewhere, sorted."""
        axes = (axis for axis in INTERPOLATED.get(self.op, ()) if axis in self.axes)
        return {axis: sorted({self.get(key, axis) for key in self.rows}) for axis in axes}

    @cached_property
    def _by_work(self) -> dict[Key, list[Key]]:
        """Rows of attention by what its kernel sees: tokens, and the heads of all sequences."""
        found: dict[Key, list[Key]] = {}
        if self.op == "decode_attention":
            for key in self.rows:
                found.setdefault(self._work(key), []).append(key)
        return found

    def _work(self, key: Key) -> Key:
        batch = self.get(key, "batch")
        heads = (batch * self.get(key, "heads"), batch * self.get(key, "kv_heads"))
        return (*heads, *(self.get(key, axis) for axis in ("tokens", "head_dim", "window")))

    def equals(self, key: Key) -> list[float]:
        """Seconds of other rows with the same work, of decode attention: equal batch x kv_heads.

        Its kernel has a work-group for each KV head of each sequence and part of the cache, so that
        eight sequences with two KV heads are four with four. It has as many waves of work-groups,
        which no line between two batches tells.
        """
        return [self.rows[row] for row in self._by_work.get(self._work(key), ()) if row != key]

    def between(self, key: Key, axis: str) -> float | None:
        """Seconds of a shape from its neighbours along one axis, which may be left out itself.

        None where there is no neighbour on either side.
        """
        at = self.axes.index(axis)
        values = self.along[axis].get(key[:at] + key[at + 1 :], [])
        x = int(key[at])
        i = bisect_left(values, x)
        j = i + (i < len(values) and values[i] == x)
        if i == 0 or j == len(values):
            return None
        low, high = values[i - 1], values[j]
        first, last = (self.rows[(*key[:at], v, *key[at + 1 :])] for v in (low, high))
        return first + (last - first) * (x - low) / (high - low)
