"""Values that no run can have, wrong units, stale rows."""

import math
from dataclasses import replace

import numpy as np
import pytest

from truetpot.serving.findings import Severity
from truetpot.serving.records import Counting, Gaps, Metric, Setting, Totals


class TestNotANumber:
    def test_null(self, make):
        found = make.found(make.aggregates(mean_tpot=math.nan, mean_itl=math.inf, mean_e2e=3.0))
        assert set(found) == {"not-a-number"}
        assert "mean_tpot_ms, mean_itl_ms" in found["not-a-number"].evidence

    def test_null_without_streaming(self, make):
        run = make.aggregates(Setting(streaming=False), mean_tpot=math.nan, mean_e2e=3.0)
        assert make.found(run) == {}

    def test_deviation_of_one(self, make):
        assert make.found(make.aggregates(mean_tpot=0.03, std_tpot=math.nan)) == {}


class TestZeroOrNegative:
    @pytest.mark.parametrize("value", [0.0, -0.0, -1.0])
    def test_figure(self, make, value):
        found = make.found(make.aggregates(mean_tpot=value, mean_e2e=3.0))
        assert set(found) == {"zero-or-negative"}
        assert f"mean_tpot_ms = {value * 1e3:g} ms" in found["zero-or-negative"].evidence

    def test_zeros_averaged_in(self, make):
        found = make.found(make.aggregates(mean_tpot=0.03, min_tpot=0.0))
        assert set(found) == {"zero-or-negative"}

    def test_a_zero_gap_and_a_zero_spread_are_possible(self, make):
        run = make.aggregates(mean_tpot=0.03, std_tpot=0.0, min_itl=0.0, mean_queue=0.0)
        assert make.found(run) == {}

    def test_rows(self, make):
        run = make.simulated([50] * 3)
        seconds = run.requests.gaps.seconds.copy()
        seconds[7] = -0.001
        rows = replace(
            run.requests,
            ttft_s=np.array([0.5, -1.0, 0.5]),
            gaps=Gaps(seconds, run.requests.gaps.offsets),
        )
        finding = make.found(replace(run, requests=rows, figures=()))["zero-or-negative"]
        assert "1 TTFTs are negative, 1 gaps are negative" in finding.evidence


class TestTtftZero:
    def test_figure(self, make):
        found = make.found(make.aggregates(mean_ttft=0.0, median_ttft=0.0, mean_e2e=3.0))
        assert set(found) == {"ttft-zero"}

    def test_rows(self, make):
        run = make.simulated([50] * 3)
        rows = replace(run.requests, ttft_s=np.array([0.0, 0.5, 0.0]))
        found = make.found(replace(run, requests=rows, figures=()))
        assert "2 successful requests have a TTFT of zero" in found["ttft-zero"].evidence


class TestLongerThanTheRun:
    def test_figure(self, make):
        """openvino.genai: an uninitialised timestamp."""
        run = make.aggregates(totals=Totals(duration_s=60.0), mean_ttft=1958228.2, mean_e2e=10.0)
        found = make.found(run)
        assert set(found) == {"longer-than-the-run"}
        assert "1.95823e+09 ms; the run took 60.00 s" in found["longer-than-the-run"].evidence

    def test_row(self, make):
        run = make.simulated([50] * 3, concurrency=3)
        latency = run.requests.latency_s.copy()
        latency[1] = 100.0
        rows = replace(run.requests, latency_s=latency, gaps=None, latency_from_gaps=False)
        found = make.found(replace(run, requests=rows, figures=()))
        assert "1 requests took up to 100.00 s" in found["longer-than-the-run"].evidence

    def test_interval_of_one_request(self, make):
        totals = Totals(duration_s=20.0, completed=1, output_tokens={Counting.SERVER: 1001})
        run = make.aggregates(totals=totals, counting=Counting.SERVER, mean_tpot=0.05)
        found = make.found(run)
        assert "1,001 - 1 tokens makes 50.00 s" in found["longer-than-the-run"].evidence
        assert found["longer-than-the-run"].factor == pytest.approx(2.5)

    def test_rounding(self, make):
        """Duration printed with two decimals may be below the latency by half of the last."""
        assert make.found(make.aggregates(totals=Totals(duration_s=3.14), mean_e2e=3.1449)) == {}


class TestWrongUnit:
    def test_against_rows(self, make):
        run = make.with_figures(make.simulated([100] * 4, pace_s=0.03), mean_tpot=30.0)
        found = make.found(run)
        assert set(found) == {"wrong-unit", "skewed-tpot"}
        assert "30,000.00 ms as reported and 30.00 ms by the rows" in found["wrong-unit"].evidence
        assert found["wrong-unit"].factor == 1000

    def test_against_means(self, make):
        totals = Totals(completed=4, output_tokens={Counting.SERVER: 400})
        run = make.aggregates(
            totals=totals,
            counting=Counting.SERVER,
            mean_tpot=3e-5,
            mean_ttft=0.5,
            mean_e2e=0.5 + 99 * 0.03,
        )
        found = make.found(run)
        assert set(found) == {"wrong-unit"}
        assert found["wrong-unit"].factor == pytest.approx(1e-3)

    def test_by_little(self, make):
        """32 admitted, 434 tokens a second: 70 ms a token, not 70 s."""
        totals = Totals(
            duration_s=150.87,
            completed=3200,
            output_tokens={Counting.SERVER: 65536},
            output_tokens_per_s=434.4,
        )
        setting = Setting(max_concurrency=32)
        run = make.aggregates(setting, totals, counting=Counting.SERVER, mean_tpot=70.14)
        found = make.found(run)
        assert set(found) == {"wrong-unit"}
        assert found["wrong-unit"].factor == 1000

    def test_by_the_floor(self, make):
        run = make.aggregates(mean_tpot=3e-5)
        found = make.found(run, yardstick=make.steady(0.0143))
        assert set(found) == {"wrong-unit"}
        assert "30.00 ms, would be above it" in found["wrong-unit"].evidence


class TestStale:
    def rows(self, make, *pairs):
        return [
            make.aggregates(Setting(output_tokens=n), mean_ttft=ttft, mean_tpot=tpot)
            for n, ttft, tpot in pairs
        ]

    def test_all_in_one(self, make):
        """The second case made one token: it repeats the first's 520.10 and 32.37 ms."""
        first, second, third = self.rows(
            make, (512, 0.5201, 0.03237), (1, 0.5201, 0.03237), (128, 0.3104, 0.03199)
        )
        found = make.found(second, previous=(first,))
        assert set(found) == {"stale-value"}
        assert "mean_tpot_ms = 32.37 ms" in found["stale-value"].evidence
        assert found["stale-value"].severity is Severity.ERROR
        assert make.found(third, previous=(first, second)) == {}
        assert make.found(first) == {}

    def test_one_figure_of_few_digits_is_chance(self, make):
        first, second = self.rows(make, (512, 0.5201, 0.03237), (512, 0.5303, 0.03237))
        assert make.found(second, previous=(first,)) == {}
        alone = [make.with_figures(run, mean_ttft=None) for run in (first, second)]
        assert make.found(alone[1], previous=(alone[0],)) == {}

    def test_many_digits_are_none(self, make):
        run = make.aggregates(mean_tpot=0.0323712345)
        assert set(make.found(run, previous=(run,))) == {"stale-value"}

    def test_the_run_before_is_the_one_that_counts(self, make):
        first, second = self.rows(make, (512, 0.5201, 0.03237), (512, 0.5303, 0.03238))
        assert make.found(first, previous=(first, second)) == {}


def test_silent_zeros_of_a_run_that_failed(make):
    """vLLM prints 0.00 for every mean when nothing completed."""
    zeros = {f"mean_{name}": 0.0 for name in (Metric.TTFT, Metric.TPOT, Metric.ITL)}
    run = make.aggregates(totals=Totals(completed=0, attempted=4, duration_s=1.0), **zeros)
    found = make.found(run)
    assert set(found) == {"failed-requests", "ttft-zero", "zero-or-negative"}
    assert all(finding.severity is Severity.ERROR for finding in found.values())
