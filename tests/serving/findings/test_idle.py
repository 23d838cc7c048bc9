"""A duration that is longer than the run."""

from dataclasses import replace

import pytest

from truetpot.records.verdicts import Severity
from truetpot.serving.records import Counting, Setting, Totals

ID = "idle-in-the-duration"


class TestRows:
    def run(self, make, duration_s, **setting):
        """Three requests one after another, 1 s to 13 s of some clock."""
        run = make.simulated([101] * 3, pace_s=0.035, ttft_s=0.5)
        rows = replace(run.requests, start_s=run.requests.start_s + 1.0)
        totals = replace(
            run.totals, duration_s=duration_s, output_tokens_per_s=None, requests_per_s=None
        )
        return replace(run, requests=rows, totals=totals, setting=Setting(**setting))

    def test_an_end_with_nothing_to_do(self, make):
        assert ID in make.found(self.run(make, 24.0))
        assert ID not in make.found(self.run(make, 13.0))

    def test_the_first_request_of_a_poisson_process_may_be_some_time_coming(self, make):
        run = self.run(make, 24.0, request_rate=0.5)
        assert ID not in make.found(run)  # 12 s are six mean intervals
        assert ID in make.found(replace(run, setting=Setting(request_rate=5.0)))

    def test_where_the_duration_began(self, make):
        """At 0 on the requests' clock: 24 s end 11 s after the last one; at -11 s with it."""
        run = self.run(make, 24.0, request_rate=0.5)
        at = {began: replace(run.requests, began_s=began) for began in (0.0, -11.0)}
        assert ID in make.found(replace(run, requests=at[0.0]))
        assert ID not in make.found(replace(run, requests=at[-11.0]))


class TestTotals:
    def run(self, make, idle_share=None, rate=None, ttft_s=1.0):
        """10 requests of 100 tokens in 40 s, and 50 tokens/s from the first token to the last."""
        return make.aggregates(
            Setting(request_rate=rate),
            Totals(
                completed=10,
                duration_s=40.0,
                output_tokens={Counting.SERVER: 1000},
                output_tokens_per_s=50.0,
                idle_share=idle_share,
            ),
            Counting.SERVER,
            mean_tpot=0.02,
            mean_ttft=0.5,
            max_ttft=ttft_s,
        )

    def test_nothing_under_way(self, make):
        assert make.found(self.run(make, 0.25))[ID].severity is Severity.WARNING
        assert "25 % of the time" in make.found(self.run(make, 0.25))[ID].evidence

    @pytest.mark.parametrize(("ttft_s", "severity"), [(1.0, "warning"), (15.0, "info")])
    def test_between_two_requests_there_may_be_nothing_to_do(self, make, ttft_s, severity):
        """20 s and the first request's time to its first token are all that is busy."""
        found = make.found(self.run(make, 0.25, rate=0.3, ttft_s=ttft_s))
        assert found[ID].severity.value == severity

    def test_no_share_tells(self, make):
        assert make.found(self.run(make))[ID].severity is Severity.INFO


def test_a_rate_of_more_digits_than_the_duration(make):
    """A table of a run of 78 ms, which it prints as 0.08 s."""
    totals = Totals(completed=3, duration_s=0.08, requests_per_s=38.46)
    evidence = make.evidence(make.aggregates(totals=totals))
    assert evidence.request_rate == 38.46
    other = replace(totals, requests_per_s=60.0)  # no rounding makes that
    assert make.evidence(make.aggregates(totals=other)).request_rate == pytest.approx(37.5)
