"""The docs page of all findings, from what the detectors are registered with."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from truetpot.serving.findings.finding import Detector, detectors
from truetpot.serving.thresholds import thresholds

HEAD = """# What `truetpot check` finds

This page is generated: `python -m truetpot.serving.findings > docs/findings.md`.

A finding is made only from what stands in the file, and its evidence names the numbers. The factor
is a reported per-token time over the true one: above 1 it is inflated, below 1 too short. Findings
are ordered by severity (error, warning, info), then by the size of the factor. One that only
repeats with less what another explains is left out.
"""


@cache
def catalogue() -> dict[str, Any]:
    """Rules and pitfalls by number: catalogue.toml."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def findings_page() -> str:
    """All findings, the rules and pitfalls they cover, and the thresholds, as markdown."""
    kinds = detectors()
    parts = [HEAD, _table(kinds)]
    parts += [_section(kind) for kind in kinds]
    parts += [_rules(kinds), _pitfalls(kinds), _thresholds()]
    return "\n".join(parts)


def _table(kinds: tuple[Detector, ...]) -> str:
    rows = [f"| [`{kind.id}`](#{kind.id}) | {kind.severity} | {kind.title} |" for kind in kinds]
    return "\n".join(["| finding | severity | |", "|---|---|---|", *rows, ""])


def _section(kind: Detector) -> str:
    pitfalls = catalogue()["pitfalls"]
    links = dict.fromkeys(link for n in kind.pitfalls for link in pitfalls[str(n)]["links"])
    lines = [
        f"## {kind.id}",
        "",
        f"**{kind.title}.** Severity: {kind.severity}.",
        "",
        kind.meaning,
        "",
        f"- Evidence: {kind.needs}",
        f"- Fix: {kind.fix}",
        f"- Covers: {_numbers('rule', kind.rules)}; {_numbers('pitfall', kind.pitfalls)}.",
    ]
    if kind.explains:
        lines.append(f"- Said instead of: {', '.join(f'`{id}`' for id in kind.explains)}.")
    if links:
        lines.append(f"- Seen in: {', '.join(_link(link) for link in links)}.")
    return "\n".join([*lines, ""])


def _numbers(name: str, numbers: tuple[int, ...]) -> str:
    said = ", ".join(str(n) for n in sorted(numbers))
    return f"{name}{'s' if len(numbers) != 1 else ''} {said or 'none'}"


def _link(reference: str) -> str:
    repository, _, number = reference.partition("#")
    return f"[{reference}](https://github.com/{repository}/issues/{number})"


def _covering(kinds: tuple[Detector, ...], which: str, number: int) -> str:
    return ", ".join(f"`{kind.id}`" for kind in kinds if number in getattr(kind, which))


def _rules(kinds: tuple[Detector, ...]) -> str:
    rows = [
        f"| {n} | {rule} | {_covering(kinds, 'rules', int(n))} |"
        for n, rule in catalogue()["rules"].items()
    ]
    head = ["## Rules", "", "| | compares | findings |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _pitfalls(kinds: tuple[Detector, ...]) -> str:
    rows = [
        f"| {n} | {pitfall['cause']} | {', '.join(_link(link) for link in pitfall['links'])}"
        f" | {_covering(kinds, 'pitfalls', int(n))} |"
        for n, pitfall in catalogue()["pitfalls"].items()
    ]
    head = ["## Pitfalls", "", "| | cause | seen in | findings |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _thresholds() -> str:
    rows = [
        f"| `{name}` | {entry.value:g} | {entry.reason} | {entry.source} |"
        for name, entry in thresholds().items()
    ]
    head = ["## Thresholds", "", "| name | value | reason | source |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])
