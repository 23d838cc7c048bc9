"""Tables of statistics, ``{"unit": "ms", "avg": 31.2, "p99": 40}``, as many tools write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from truetpot.serving.readers.document import Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.records import Figure, Metric

PER_SECOND = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}
TIME_UNITS = {
    **{unit: unit for unit in PER_SECOND},
    "sec": "s",
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
}
_NAMES = {
    "avg": "mean",
    "mean": "mean",
    "p50": "median",
    "median": "median",
    "std": "std",
    "std_dev": "std",
    "stddev": "std",
    "min": "min",
    "max": "max",
}
_PERCENTILE = re.compile(r"p\d{1,2}(\.\d{1,3})?")


def unit_of_time(table: Node) -> str:
    """What the table's key ``unit`` means. Raises UserError for any other: none is guessed."""
    name = table.text("unit")
    if name not in TIME_UNITS:
        raise table.error(unknown_unit(name))
    return TIME_UNITS[name]


def unknown_unit(name: str | None) -> str:
    """The end of a sentence about a unit that is not known."""
    unit = 'no "unit"' if name is None else f'the "unit" {name[:40]!a}'
    return f"has {unit}, where ns, us, ms or s was expected"


def statistic_of(key: str) -> str | None:
    """What the tools' ``avg``, ``p50`` or ``p99`` is called here; None of any other key."""
    return _NAMES.get(key) or (key if _PERCENTILE.fullmatch(key) else None)


def statistics(metric: Metric, table: Node | None, unit: str = "") -> Iterator[Figure]:
    """A figure for each statistic; `unit` is "" where the table names its own."""
    if table is None:
        return
    table.expect("object")
    unit = unit or unit_of_time(table)
    for key, node in table.members.items():
        if name := statistic_of(key):
            yield figure(metric, name, node.number(), node.where, unit)


def all_statistics(node: Node, metrics: Mapping[str, Metric], unit: str = "") -> tuple[Figure, ...]:
    """Of the tables that `node` has under the keys of `metrics`."""
    tables = ((metric, node.get(key)) for key, metric in metrics.items())
    return tuple(figure for metric, table in tables for figure in statistics(metric, table, unit))


def low_lengths(table: Node | None) -> dict[float, float]:
    """Tokens by the share of requests that have no more: ``min``, ``p1`` ... ``p50`` of a table.

    The smallest stands at 0. Percentiles of another form (guidellm's ``p001``) lie in
    ``percentiles``.
    """
    if table is None:
        return {}
    found = {0.0: table.number("min")}
    for node, digits in ((table, 1), (table.get("percentiles"), 2)):
        for key in node.members if node is not None else ():
            if re.fullmatch(rf"p\d{{{digits},3}}", key):
                share = int(key[1:]) / (1000 if digits == 2 and len(key) == 4 else 100)
                found[share] = node.number(key) if node is not None else None
    return {
        share: value
        for share, value in sorted(found.items())
        if value is not None and math.isfinite(value) and share <= 0.5
    }


def total(mean: float | None, count: float | None) -> int | None:
    """The sum behind a mean over `count` whole numbers; None if there is none."""
    if mean is None or count is None or not math.isfinite(mean) or not 0 <= mean * count < 2**63:
        return None
    return round(mean * count)
