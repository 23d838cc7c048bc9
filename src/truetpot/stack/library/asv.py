"""Reads result files of ASV: a time for each benchmark and combination of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from truetpot.facts.hardware import recognise_cards
from truetpot.stack.library.sources import source
from truetpot.stack.library.table import Key, Origin, Table

MARK = "result_columns"
MOST_S = 1e6
"""No kernel takes so many seconds."""


def read_asv(result: dict[str, Any], shown: str) -> list[Table]:
    """A table a benchmark of truetpot that tracks device time; its rows are parameters in words.

    A result file has no shapes, only the parameters that ASV knew, so its rows are listed and not
    interpolated. Raises KeyError, TypeError or ValueError for what is no such file.
    """
    columns = list(result[MARK])
    at = {name: columns.index(name) for name in ("result", "params")}
    machine = {str(name): str(value) for name, value in dict(result["params"]).items()}
    device = machine.get("gpu") or machine.get("cpu") or machine["machine"]
    known = recognise_cards(device)
    card = known[0] if known else None
    commit = str(result["commit_hash"])[:8]
    words = source("asv")
    tables = []
    for name, entry in dict(result["results"]).items():
        if entry is None or not str(name).endswith(".track_device_time"):
            continue
        rows: dict[Key, float] = dict(_rows(entry[at["result"]], entry[at["params"]]))
        if not rows:
            continue
        op = str(name).removesuffix(".track_device_time")
        origin = Origin(shown, device, card, "truetpot, ASV", commit, words.timing)
        tables.append(Table(op, "", ("",), ("parameters",), rows, origin))
    return tables


def _rows(
    values: Sequence[Any] | None, params: Sequence[Sequence[Any]]
) -> Iterator[tuple[Key, float]]:
    for one, value in zip(product(*params), values or (), strict=False):
        if isinstance(value, int | float) and 0 < value < MOST_S:
            yield (", ".join(map(str, one)),), float(value)
