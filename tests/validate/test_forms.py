"""What other programs are given, read back by libraries that read it for them."""

from xml.etree import ElementTree as ET

import msgspec
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from prometheus_client.parser import text_string_to_metric_families

from tests.records.kept import load
from tests.validate.made import record, row
from truetpot.records.validate import Health, ValidateRecord
from truetpot.records.words import StepOutcome
from truetpot.report.plot import plot
from truetpot.validate.forms.junit import as_junit
from truetpot.validate.forms.prometheus import as_prometheus

HOSTILE = 'a "card"\n</testcase>\x1b[31m\\ <&>\x00'
# github.com/jenkinsci/xunit-plugin, junit-10.xsd; GitLab reads a part of the same:
# docs.gitlab.com/ci/testing/unit_test_reports
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        "name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp",
        "hostname", "id", "package",
    },
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "assertions", "time", "classname", "status"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}  # fmt: skip
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}


@pytest.fixture
def mixed():
    """A record with every verdict, and with what no form may be broken by."""
    sick = record(changed={(0, "bandwidth", "read"): 0.5, (2, "link", "host to device"): 0.92})
    lost = [
        row("patterns", "xpu:0", [], StepOutcome.REFUSED, code=2, said=HOSTILE),
        row("sustained", "xpu:0", [], StepOutcome.NOT_RUN, said="it needs 2 cards"),
        row("step", "xpu:9", [], StepOutcome.CRASHED, code=-11, traceback=HOSTILE, said="SIGSEGV"),
    ]
    return msgspec.structs.replace(sick, tests=[*sick.tests, *lost], host=HOSTILE)


def cases(text):
    return {case.name: case for suite in JUnitXml.fromstring(text.encode()) for case in suite}


def test_junit_has_a_case_a_test_and_card(mixed):
    found = cases(as_junit(mixed))
    assert len(found) == len(mixed.tests)
    for test in mixed.tests:
        kinds = {
            Health.FAIL: [Failure], Health.COULD_NOT_RUN: [Error], Health.NOT_RUN: [Skipped],
        }.get(test.verdict, [])  # fmt: skip
        case = found[f"{test.name} on {test.device}"]
        assert [type(one) for one in case.result] == kinds
        assert case.classname == f"truetpot.validate.{test.name}"
        assert case.time == pytest.approx(test.seconds)
    bad = found["bandwidth on xpu:0"]
    assert "read is 220 GB/s" in bad.result[0].message
    assert "What to do: " in bad.result[0].text
    assert "limit >= 410.4" in bad.system_out


def test_junits_counts_are_those_of_its_cases(mixed):
    for strict in (False, True):
        (suite,) = JUnitXml.fromstring(as_junit(mixed, strict).encode())
        counts = suite.tests, suite.failures, suite.errors, suite.skipped
        suite.update_statistics()
        assert counts == (suite.tests, suite.failures, suite.errors, suite.skipped)
        assert suite.failures == (3 if strict else 2)


def test_junit_is_of_the_form_that_jenkins_and_gitlab_read(mixed):
    root = ET.fromstring(as_junit(mixed))
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set()), element.tag
    for suite in root:
        order = [child.tag for child in suite]
        assert order == ["properties", *["testcase"] * len(mixed.tests)]
    for case in root.iter("testcase"):
        order = [child.tag for child in case]
        ends = (["failure", "system-out"], ["error"], ["skipped"], ["failure"])
        assert order == ["system-out"] or order in ends


def families(text):
    return {one.name: one.samples for one in text_string_to_metric_families(text)}


def test_prometheus_text_is_parsed_by_the_client(mixed):
    found = families(as_prometheus(mixed))
    figures = {
        (s.labels["test"], s.labels["device"], s.labels["figure"]): s.value
        for s in found["truetpot_validate_figure"]
    }
    assert figures == {
        (test.name, test.device, figure.name): figure.value
        for test in mixed.tests
        for figure in test.figures
    }
    failed = {
        (s.labels["test"], s.labels["device"])
        for s in found["truetpot_validate_test_verdict"]
        if s.labels["verdict"] == "fail" and s.value == 1
    }
    assert failed == {("bandwidth", "xpu:0"), ("step", "xpu:9")}
    limits = {
        s.labels["device"]: s.value
        for s in found["truetpot_validate_figure_limit"]
        if s.labels["figure"] == "read"
    }
    assert limits["xpu:0"] == pytest.approx(410.4)
    (started,) = found["truetpot_validate_started_seconds"]
    assert started.value == 1796065200.0  # date -u -d 2026-11-30T19:00:00Z +%s
    assert all(sample.timestamp is None for samples in found.values() for sample in samples)


def test_prometheus_takes_any_name():
    made = record(cards=1)
    device = made.devices[0]
    identity = {**device.identity, "name": HOSTILE}
    made = msgspec.structs.replace(
        made, devices=[msgspec.structs.replace(device, identity=identity)]
    )
    found = families(as_prometheus(made))
    assert {s.labels["card"] for s in found["truetpot_validate_figure"]} == {HOSTILE}
    assert not as_prometheus(made).startswith("\n") and as_prometheus(made).endswith("\n")


def test_nothing_measured_is_a_file_too():
    empty = record(cards=0, tests=[])
    assert cases(as_junit(empty)) == {}
    assert families(as_prometheus(empty))["truetpot_validate_partial"]


def test_a_kept_record_goes_into_each_form():
    kept = msgspec.convert(load("validate"), ValidateRecord)
    assert cases(as_junit(kept)) and families(as_prometheus(kept))


def test_a_plot_has_a_curve_for_what_was_told():
    text = plot("<a & b>", [0.0, 1.0, 2.0, 3.0], [
        ("rate", "TFLOPS", [1.0, 2.0, None, 3.0]), ("clock", "MHz", [None] * 4),
    ])  # fmt: skip
    root = ET.fromstring(text)
    curves = [one for one in root if one.tag.endswith("polyline")]
    assert len(curves) == 2  # a gap in the middle
    assert "MHz" not in text and "&lt;a &amp; b&gt;" in text
    ET.fromstring(plot("none", [], []))
