"""Findings, and how a detector joins: one decorated function in one file of this package."""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

import numpy as np

from truetpot.records.check import Finding
from truetpot.records.verdicts import Severity
from truetpot.serving.evidence import Evidence, positive

__all__ = ["Detector", "Finding", "Severity", "Trace", "detector", "detectors", "find"]


@dataclass(frozen=True)
class Trace:
    """What a detector returns when it sees something; None otherwise."""

    evidence: str
    factor: float | None = None
    severity: Severity | None = None
    """Where this file calls for another than the detector's own."""


@dataclass(frozen=True)
class Detector:
    """A kind of finding: how to see it, and what the docs say of it."""

    look: Callable[[Evidence], Trace | None]
    group: str
    """The module it is written in."""
    id: str
    title: str
    severity: Severity
    meaning: str
    needs: str
    """What has to be in the file for it to be seen."""
    fix: str
    rules: tuple[int, ...] = ()
    pitfalls: tuple[int, ...] = ()
    """Keys of catalogue.toml."""
    explains: tuple[str, ...] = ()
    """Findings that say the same with less: left out where this one is made."""


_registered: list[Detector] = []


def detector(
    id: str,
    *,
    title: str,
    severity: Severity,
    meaning: str,
    needs: str,
    fix: str,
    rules: tuple[int, ...] = (),
    pitfalls: tuple[int, ...] = (),
    explains: tuple[str, ...] = (),
) -> Callable[[Callable[[Evidence], Trace | None]], Callable[[Evidence], Trace | None]]:
    """Register a function as the detector of a kind of finding; arguments as in Detector."""

    def register(look: Callable[[Evidence], Trace | None]) -> Callable[[Evidence], Trace | None]:
        if any(known.id == id for known in _registered):
            raise ValueError(f"finding {id} is registered twice")
        group = look.__module__.rpartition(".")[2]
        _registered.append(
            Detector(
                look, group, id, title, severity, meaning, needs, fix, rules, pitfalls, explains
            )
        )
        return look

    return register


@cache
def detectors() -> tuple[Detector, ...]:
    """All of them, by module and then in the order of their file. No list names the modules."""
    package = __package__ or ""
    for module in sorted(m.name for m in pkgutil.iter_modules(import_module(package).__path__)):
        if not module.startswith("__"):
            import_module(f"{package}.{module}")
    return tuple(sorted(_registered, key=lambda known: known.group))


def find(evidence: Evidence) -> list[Finding]:
    """What is wrong with a run, the weightiest first: by severity, then by |log factor|."""
    with np.errstate(all="ignore"):  # of infinite and missing times, which no comparison passes
        seen = [(kind, trace) for kind in detectors() if (trace := kind.look(evidence))]
    explained = {id for kind, _ in seen for id in kind.explains}
    findings = [
        Finding(
            id=kind.id,
            severity=trace.severity or kind.severity,
            title=kind.title,
            evidence=trace.evidence,
            factor=positive(trace.factor),
            fix=kind.fix,
        )
        for kind, trace in seen
        if kind.id not in explained
    ]
    return sorted(findings, key=_weight, reverse=True)


def _weight(finding: Finding) -> tuple[int, float]:
    return finding.severity.position, abs(math.log(finding.factor)) if finding.factor else 0.0
