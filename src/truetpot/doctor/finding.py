"""A verdict line: what is so, what it means for a measurement, what to do."""

from __future__ import annotations

from truetpot.records.doctor import Finding, Level

__all__ = ["Finding", "Level", "bad", "ok", "warn", "worst"]


def ok(about: str, what: str) -> Finding:
    """A finding that nothing is wrong with ``about``."""
    return Finding(level=Level.OK, about=about, what=what)


def warn(about: str, what: str, means: str, do: str) -> Finding:
    """A finding that has to stand beside this machine's numbers."""
    return Finding(level=Level.WARN, about=about, what=what, means=means, do=do)


def bad(about: str, what: str, means: str, do: str) -> Finding:
    """A finding that makes numbers of this machine untrustworthy."""
    return Finding(level=Level.BAD, about=about, what=what, means=means, do=do)


def worst(findings: list[Finding]) -> Level:
    """The worst level among the findings; OK where there are none."""
    levels = [finding.level for finding in findings]
    return next((level for level in (Level.BAD, Level.WARN) if level in levels), Level.OK)
