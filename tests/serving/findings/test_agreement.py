"""Figures that should agree and do not."""

from dataclasses import replace

import numpy as np
import pytest

from truetpot.serving.records import Counting, Metric, Totals


def totals(**kw):
    return Totals(completed=10, output_tokens={Counting.UNSTATED: 1000}, **kw)


class TestReportedDiffers:
    def test_from_rows(self, make):
        run = make.with_figures(make.simulated([100] * 4, pace_s=0.03), mean_tpot=0.036)
        finding = make.found(run)["reported-differs"]
        assert "36.00 ms" in finding.evidence and "30.00 ms" in finding.evidence
        assert finding.factor == pytest.approx(0.036 / 0.03)

    def test_another_metric_has_no_factor(self, make):
        run = make.with_figures(make.simulated([100] * 4, ttft_s=0.5), mean_ttft=0.7)
        finding = make.found(run)["reported-differs"]
        assert "Mean TTFT is reported as 700.00 ms" in finding.evidence
        assert finding.factor is None

    def test_from_means(self, make):
        run = make.aggregates(totals=totals(), mean_tpot=0.2, mean_ttft=1.0, mean_e2e=10.9)
        finding = make.found(run)["reported-differs"]
        assert "9.90 s / (100 - 1) gives 100.00 ms" in finding.evidence
        assert finding.factor == pytest.approx(2)

    def test_no_definition_is_held_against_none(self, make):
        """llama.cpp's server divides by n what n - 1 steps took: none of the definitions."""
        run = make.with_figures(make.simulated([5] * 4, pace_s=0.03), mean_tpot=0.024)
        own = {Metric.TPOT: make.definition(Metric.TPOT, "")}
        assert make.found(replace(run, definitions=own)) == {}


def test_gaps_do_not_add_up(make):
    """A usage message 1.5 s after the last token of 99 gaps of 30 ms."""
    run = make.simulated([100] * 4, pace_s=0.03, from_gaps=False, tail_s=1.5)
    found = make.found(run)
    assert set(found) == {"gaps-do-not-add-up"}
    assert "4.47 s on average, its gaps add up to 2.97 s" in found["gaps-do-not-add-up"].evidence
    assert found["gaps-do-not-add-up"].factor == pytest.approx(4.47 / 2.97)


class TestTpotBesideItl:
    def test_mean(self, make):
        finding = make.found(make.aggregates(mean_tpot=0.09, mean_itl=0.03))["tpot-itl-disagree"]
        assert "90.00 ms is 3.00 times the mean ITL of 30.00 ms" in finding.evidence
        assert finding.factor == pytest.approx(3)

    def test_median_needs_more(self, make):
        assert make.found(make.aggregates(mean_tpot=0.06, median_itl=0.03)) == {}
        found = make.found(make.aggregates(mean_tpot=0.12, median_itl=0.03))
        assert found["tpot-itl-disagree"].factor == pytest.approx(4)


class TestSkewed:
    def test_mean_and_median(self, make):
        run = make.aggregates(mean_tpot=0.3, median_tpot=0.03, std_tpot=0.1)
        found = make.found(run)
        assert set(found) == {"skewed-tpot"}
        assert "10.0 times the median of 30.00 ms" in found["skewed-tpot"].evidence
        assert found["skewed-tpot"].factor == pytest.approx(10)

    def test_standard_deviation(self, make):
        found = make.found(make.aggregates(mean_tpot=0.03, median_tpot=0.028, std_tpot=0.05))
        assert "standard deviation of 50.00 ms" in found["skewed-tpot"].evidence
        assert found["skewed-tpot"].factor is None


def test_weighting(make):
    """A slow request of two tokens beside a fast one of 201."""
    run = make.simulated([2, 201], pace_s=0.03, concurrency=2)
    seconds = run.requests.gaps.seconds.copy()
    seconds[0] = 0.1
    latency = run.requests.ttft_s + np.array([0.1, 200 * 0.03])
    rows = replace(
        run.requests, gaps=replace(run.requests.gaps, seconds=seconds), latency_s=latency
    )
    run = replace(run, requests=rows)
    run = replace(run, figures=make.figures_of(make.by_hand(run), make.wanted))
    found = make.found(run)
    assert set(found) == {"weighting"}
    mean, weighted = (0.1 + 0.03) / 2, 6.1 / 201
    assert "65.00 ms" in found["weighting"].evidence and "30.35 ms" in found["weighting"].evidence
    assert found["weighting"].factor == pytest.approx(mean / weighted)


class TestFirstToken:
    def test_by_definition(self, make):
        """guidellm: TPOT with the first token, and the other quantity as ITL."""
        run = make.aggregates(mean_tpot=0.0025, mean_itl=0.001)
        named = {
            Metric.TPOT: make.definition(Metric.TPOT, "tpot_with_first"),
            Metric.ITL: make.definition(Metric.ITL, "tpot_token_weighted"),
        }
        found = make.found(replace(run, definitions=named))
        assert set(found) == {"first-token-included"}
        assert "2.50 ms holds the first token" in found["first-token-included"].evidence
        assert found["first-token-included"].factor == pytest.approx(2.5)

    def test_by_arithmetic(self, make):
        """8 s of prefill, then 99 tokens of 20 ms: 99.8 ms in truth latency / n."""
        run = make.aggregates(totals=totals(), mean_tpot=0.0998, mean_ttft=8.0, mean_e2e=9.98)
        found = make.found(run)
        assert set(found) == {"first-token-included"}
        assert found["first-token-included"].factor == pytest.approx(0.0998 / (1.98 / 99))
