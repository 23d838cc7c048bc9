"""JUnit's XML, as Jenkins and GitLab read it: a suite a run, a case a test and card."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from truetpot.records.validate import (
    Figure,
    Health,
    HeldTo,
    Judgement,
    ValidatedTest,
    ValidateRecord,
)
from truetpot.validate.judge import short

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, escaped or not."""
_ELEMENT = {
    Health.FAIL: "failure",
    Health.COULD_NOT_RUN: "error",
    Health.NOT_RUN: "skipped",
}


def as_junit(record: ValidateRecord, strict: bool = False) -> str:
    """The whole record; with ``strict`` a warning is a failure."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=_text(f"truetpot validate {record.level}"),
        hostname=_text(record.host),
        timestamp=record.started.removesuffix("Z"),
        time=f"{sum(test.seconds for test in record.tests):.3f}",
        tests=str(len(record.tests)),
        failures=_count(record, "failure", strict),
        errors=_count(record, "error", strict),
        skipped=_count(record, "skipped", strict),
    )
    properties = ET.SubElement(suite, "properties")
    about = {"truetpot": record.truetpot, "level": record.level, "verdict": str(record.verdict)}
    for device in record.devices:
        known = device.identity
        about[device.device] = ", ".join(
            str(known[name])
            for name in ("name", "uuid", "pci_address", "driver")
            if known.get(name)
        )
    for name, value in about.items():
        ET.SubElement(properties, "property", name=_text(name), value=_text(value))
    for test in record.tests:
        _case(suite, test, strict)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, test: ValidatedTest, strict: bool) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_text(f"truetpot.validate.{test.name}"),
        name=_text(f"{test.name} on {test.device}"),
        time=f"{test.seconds:.3f}",
    )
    said = _text(test.said or test.about)
    if kind := _kind(test, strict):
        element = ET.SubElement(case, kind, message=said)
        if kind != "skipped":
            element.set("type", test.verdict.value)
            parts = [test.said, f"What to do: {test.do}" if test.do else "", test.traceback]
            element.text = _text("\n".join(filter(None, parts)))
    lines = [figure_line(figure) for figure in test.figures]
    if lines:
        ET.SubElement(case, "system-out").text = _text("\n".join(lines))


def figure_line(figure: Figure) -> str:
    """``read 4411 GB/s: pass (limit >= 4080; physics <= 4848)``."""
    held = [f"{one.against.value} {_sign(figure, one)} {short(one.limit)}" for one in figure.judged]
    end = f" ({'; '.join(held)})" if held else ""
    return f"{figure.name} {short(figure.value)} {figure.unit}: {figure.verdict.value}{end}"


def _sign(figure: Figure, held: Judgement) -> str:
    if held.against is HeldTo.EXACT:
        return "=="
    return ">=" if (figure.better == "higher") != (held.against is HeldTo.PHYSICS) else "<="


def _kind(test: ValidatedTest, strict: bool) -> str:
    if strict and test.verdict is Health.WARN:
        return "failure"
    return _ELEMENT.get(test.verdict, "")


def _count(record: ValidateRecord, kind: str, strict: bool) -> str:
    return str(sum(_kind(test, strict) == kind for test in record.tests))


def _text(value: str) -> str:
    return _NOT_XML.sub("?", value)
