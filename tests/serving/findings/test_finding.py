"""Registration, order, thresholds and the docs page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from truetpot.serving import findings
from truetpot.serving.findings import Severity, findings_page
from truetpot.serving.findings.finding import detector, detectors
from truetpot.serving.findings.page import catalogue
from truetpot.serving.findings.words import count, ms, percent, sec, times
from truetpot.serving.thresholds import limit, thresholds

ROOT = Path(__file__).parents[3]
SOURCE = Path(findings.__file__).parent


def test_severities_are_ordered():
    assert Severity.INFO < Severity.WARNING < Severity.ERROR
    assert Severity.ERROR > Severity("warning") >= Severity.WARNING and not Severity.ERROR < "info"
    assert [str(s) for s in sorted(Severity)] == ["info", "warning", "error"]
    assert max(Severity) is Severity.ERROR


def test_every_rule_and_pitfall_has_a_finding():
    kinds = detectors()
    assert {n for kind in kinds for n in kind.rules} == set(range(1, 15))
    assert {n for kind in kinds for n in kind.pitfalls} == set(range(1, 21))
    assert set(catalogue()["rules"]) == {str(n) for n in range(1, 15)}
    assert set(catalogue()["pitfalls"]) == {str(n) for n in range(1, 21)}


def test_registrations_hold_together():
    kinds = detectors()
    ids = {kind.id for kind in kinds}
    assert len(ids) == len(kinds)
    for kind in kinds:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.id)
        assert set(kind.explains) <= ids - {kind.id}
        for text in (kind.meaning, kind.needs, kind.fix):
            assert text.endswith(".") and "  " not in text
    with pytest.raises(ValueError, match="registered twice"):
        detector(kinds[0].id, title="", severity=Severity.INFO, meaning="", needs="", fix="")(
            kinds[0].look
        )


def test_thresholds_have_reasons_and_are_all_used():
    code = "\n".join(path.read_text() for path in SOURCE.parent.rglob("*.py"))
    for name, threshold in thresholds().items():
        assert threshold.reason and limit(name) == threshold.value
    assert set(re.findall(r'limit\("(\w+)"\)', code)) == set(thresholds())


def test_the_docs_page_is_the_generated_one():
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert page == findings_page(), "run: python -m truetpot.serving.findings > docs/findings.md"
    for kind in detectors():
        assert f"\n## {kind.id}\n" in page


def test_the_page_is_printed():
    command = [sys.executable, "-m", "truetpot.serving.findings"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == findings_page()


def test_order_is_by_severity_then_size(make):
    run = make.aggregates(
        mean_tpot=0.3, median_tpot=0.1, mean_itl=0.03, median_itl=0.03, mean_e2e=-1.0
    )
    found = make.found(run)
    assert list(found) == ["zero-or-negative", "tpot-itl-disagree", "skewed-tpot"]
    assert found["tpot-itl-disagree"].factor > found["skewed-tpot"].factor


def test_numbers_as_words():
    assert (ms(30.65755), ms(3.8e-5), sec(17.06), sec(0.0123)) == (
        "30,657.55 ms",
        "0.038 ms",
        "17.06 s",
        "0.0123 s",
    )
    assert (times(2.004), times(2093.6), count(4096.0), count(62.466)) == (
        "2.00",
        "2,094",
        "4,096",
        "62.47",
    )
    assert (percent(1.0), percent(0.996), percent(0.001)) == ("100 %", "99.6 %", "0.1 %")
