"""Kinds of findings on a trace, with their limits: findings.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from truetpot.records.trace import TraceFinding
from truetpot.records.verdicts import Severity


@dataclass(frozen=True)
class Kind:
    """A kind of finding; ``value`` is the limit from which on it is made."""

    title: str
    severity: str
    fix: str
    value: float = 0.0
    reason: str = ""
    source: str = ""


@cache
def kinds() -> dict[str, Kind]:
    """All of findings.toml by id."""
    text = resources.files("truetpot.stack").joinpath("findings.toml").read_text(encoding="utf-8")
    return {id: Kind(**entry) for id, entry in tomllib.loads(text).items()}


def limit(id: str) -> float:
    """The limit from which on a finding of this kind is made."""
    return kinds()[id].value


def finding(id: str, evidence: str) -> TraceFinding:
    """A finding of this kind, with what was seen."""
    kind = kinds()[id]
    return TraceFinding(
        id=id, severity=Severity(kind.severity), title=kind.title, evidence=evidence, fix=kind.fix
    )
