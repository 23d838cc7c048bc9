"""What each tool's figures really are: one TOML a tool, a source beside each formula.

``[common.<metric>]`` holds for every variant; ``[variant."<name>".<metric>]`` says what differs in
that one, key by key. The keys are the fields of :class:`~truetpot.serving.records.Definition`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from truetpot.facts.tables import convert
from truetpot.serving.records import Definition, Metric


@cache
def definitions(tool: str, variant: str = "") -> Mapping[Metric, Definition]:
    """Of the figures in `tool`'s files of that variant; "" for what is common to all.

    Raises ValueError if ``<tool>.toml`` is broken or has no such variant: our mistake.
    """
    if variant and variant not in variants(tool):
        raise ValueError(f"{tool}.toml: no variant {variant!r}")
    common = _table(tool).get("common", {})
    own = _table(tool)["variant"][variant] if variant else {}
    return {
        Metric(metric): convert(
            {"metric": metric, **common.get(metric, {}), **own.get(metric, {})},
            Definition,
            f"{tool}.toml {variant} {metric}",
        )
        for metric in {**common, **own}
    }


@cache
def tools() -> tuple[str, ...]:
    """Every tool that has a table here, by name."""
    files = resources.files("truetpot.serving.tools").iterdir()
    names = (file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    return tuple(sorted(names))


def variants(tool: str) -> tuple[str, ...]:
    """Of `tool`'s figures, in the order of ``<tool>.toml``."""
    return tuple(_table(tool).get("variant", {}))


@cache
def _table(tool: str) -> dict[str, Any]:
    file = resources.files("truetpot.serving.tools").joinpath(f"{tool}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
