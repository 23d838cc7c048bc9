"""Failures, short outputs, empty outputs."""

from dataclasses import replace

import numpy as np
import pytest

from truetpot.serving.findings import Severity
from truetpot.serving.records import Counting, Setting, Totals


class TestFailed:
    def test_some(self, make):
        run = make.simulated([100] * 4)
        rows = replace(run.requests, errors={"Timeout": 2, "502": 1})
        totals = replace(run.totals, attempted=7, failed=None)
        finding = make.found(replace(run, requests=rows, totals=totals))["failed-requests"]
        assert "3 requests failed and 4 completed" in finding.evidence
        assert "(2): 'Timeout'" in finding.evidence
        assert finding.severity is Severity.WARNING

    def test_all(self, make):
        finding = make.found(make.aggregates(totals=Totals(attempted=5, completed=0)))
        assert finding["failed-requests"].severity is Severity.ERROR

    def test_rows_alone(self, make):
        run = make.simulated([100] * 4)
        ok = np.array([True, False, True, True])
        run = replace(run, requests=replace(run.requests, ok=ok), totals=Totals(), figures=())
        assert "1 requests failed and 3" in make.found(run)["failed-requests"].evidence


class TestShort:
    def test_rows(self, make):
        run = make.simulated([512, 512, 100], setting=Setting(output_tokens=512))
        found = make.found(run)
        assert set(found) == {"short-outputs"}
        evidence = found["short-outputs"].evidence
        assert "374.67 of 512" in evidence and "1 of 3 have less than 90 %" in evidence
        assert found["short-outputs"].severity is Severity.WARNING

    def test_totals(self, make):
        """ipex-llm#9234: 1024 asked for, 191 came."""
        run = make.aggregates(
            Setting(output_tokens=1024),
            Totals(completed=1, output_tokens={Counting.SERVER: 191}),
            counting=Counting.SERVER,
            mean_tpot=0.03,
        )
        assert "191 of 1,024" in make.found(run)["short-outputs"].evidence

    def test_ignore_eos(self, make):
        setting = Setting(output_tokens=100, ignore_eos=True)
        run = make.simulated([100] * 30 + [80], setting=setting)
        assert make.found(run)["short-outputs"].severity is Severity.ERROR

    def test_free_to_stop(self, make):
        run = make.simulated([40] * 3, setting=Setting(output_tokens=100, ignore_eos=False))
        assert make.found(run) == {}
        assert set(make.found(run, requested_output_tokens=100)) == {"short-outputs"}

    @pytest.mark.parametrize(("n", "fires"), [(89, True), (90, False)])
    def test_ninety_percent(self, make, n, fires):
        run = make.simulated([n] * 3, setting=Setting(output_tokens=100))
        assert ("short-outputs" in make.found(run)) == fires


class TestEmpty:
    def test_rows(self, make):
        run = make.simulated([100, 100, 1, 0, 0], setting=Setting(output_tokens=100))
        evidence = make.found(run)["empty-outputs"].evidence
        assert "Of 5 successful requests 2 have no output token and 1 have one" in evidence

    def test_one_token_may_be_all_that_was_wanted(self, make):
        assert make.found(make.simulated([1, 1, 50])) == {}

    def test_totals(self, make):
        run = make.aggregates(totals=Totals(completed=8, output_tokens={Counting.UNSTATED: 0}))
        assert "8 have no output token" in make.found(run)["empty-outputs"].evidence


def test_stopped_despite_ignore_eos(make):
    run = make.simulated([100] * 4, setting=Setting(ignore_eos=True))
    reasons = ("length", "stop", "length", "length")
    run = replace(run, requests=replace(run.requests, finish_reasons=reasons))
    found = make.found(run)
    assert set(found) == {"stopped-despite-ignore-eos"}
    assert "25 %" in found["stopped-despite-ignore-eos"].evidence


def test_the_shortest_is_one_request_at_least(make):
    """The mean and the lowest quarter hide three tokens of 400: one of 44 is more than one in 100,
    one of 444 is not."""

    def run(completed):
        totals = Totals(
            completed=completed,
            output_tokens={Counting.RETOKENISED: 390 * completed},
            low_lengths={0.0: 3.0, 0.25: 400.0},
        )
        return make.aggregates(Setting(output_tokens=400), totals, Counting.RETOKENISED)

    found = make.found(run(44))["short-outputs"]
    assert "at least 2 % of the requests" in found.evidence
    assert "short-outputs" not in make.found(run(444))
