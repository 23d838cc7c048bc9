"""Prometheus' text format 0.0.4, as node exporter's textfile collector takes it.

A file ``*.prom`` in the folder of ``--collector.textfile.directory``; time stamps are not allowed
in it, so that the time of the run is a metric of its own.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterable, Iterator, Mapping

from truetpot.records.validate import (
    Figure,
    Health,
    Judgement,
    ValidatedTest,
    ValidateRecord,
)
from truetpot.validate.judge import decisive

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def as_prometheus(record: ValidateRecord) -> str:
    """The whole record as gauges, in Prometheus' text format."""
    tests = [(_test_labels(record, test), test) for test in record.tests]
    figures = [
        ({**labels, "figure": figure.name, "unit": figure.unit}, figure)
        for labels, test in tests
        for figure in test.figures
    ]
    lines: list[str] = []
    for name, about, samples in (
        ("info", "Of the run.", [(_about(record), 1.0)]),
        ("partial", "1 where the run did not come to its end.", [({}, float(record.partial))]),
        ("started_seconds", "When the run began, since 1970.", [({}, _started(record))]),
        (
            "test_verdict",
            "1 for the verdict that a test has, 0 for the others.",
            _verdicts(tests),
        ),
        ("test_duration_seconds", "Of a test's processes.", [(one, t.seconds) for one, t in tests]),
        ("figure", "What was measured.", [(one, f.value) for one, f in figures]),
        (
            "figure_limit",
            "The worst value that passes, of the yardstick that decides.",
            [(one, held.limit) for one, held in _held(figures)],
        ),
        (
            "figure_expected",
            "What a healthy card gives.",
            [(one, held.expected) for one, held in _held(figures) if held.expected is not None],
        ),
        (
            "figure_failed",
            "1 where the figure is below a limit or wrong.",
            [(one, float(f.verdict is Health.FAIL)) for one, f in figures],
        ),
    ):
        lines += _metric(f"truetpot_validate_{name}", about, samples)
    return "\n".join(lines) + "\n"


def _metric(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    samples = list(samples)
    if not samples:
        return
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{'{' + inside + '}' if inside else ''} {value!r}"


def _held(figures: Iterable[tuple[Labels, Figure]]) -> Iterator[tuple[Labels, Judgement]]:
    for labels, figure in figures:
        if found := decisive([figure]):
            yield {**labels, "against": found[1].against.value}, found[1]


def _verdicts(tests: Iterable[tuple[Labels, ValidatedTest]]) -> Iterator[Sample]:
    for labels, test in tests:
        for verdict in Health:
            yield {**labels, "verdict": verdict.value}, float(test.verdict is verdict)


def _about(record: ValidateRecord) -> Labels:
    return {"version": record.truetpot, "level": record.level, "verdict": record.verdict.value}


def _test_labels(record: ValidateRecord, test: ValidatedTest) -> Labels:
    known = next((one.identity for one in record.devices if one.device == test.device), None)
    labels = {"test": test.name, "device": test.device}
    if known is not None:
        labels["card"] = known["name"]
        labels["uuid"] = known.get("uuid") or ""
        labels["pci_address"] = known.get("pci_address") or ""
    return labels


def _started(record: ValidateRecord) -> float:
    return float(calendar.timegm(time.strptime(record.started, "%Y-%m-%dT%H:%M:%SZ")))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
