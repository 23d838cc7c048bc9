"""Throughput, concurrency, and the floor."""

from dataclasses import replace

import pytest

from truetpot.serving.records import Counting, Setting, Totals


def served(completed=100, tokens=10_000, **kw):
    return Totals(completed=completed, output_tokens={Counting.SERVER: tokens}, **kw)


class TestLittle:
    def test_more_than_admitted(self, make):
        """1000 tokens/s at 50 ms each are 49.5 streams (99 of 100 tokens have an interval)."""
        run = make.aggregates(
            Setting(max_concurrency=8),
            served(duration_s=10.0, output_tokens_per_s=1000.0),
            counting=Counting.SERVER,
            mean_tpot=0.05,
        )
        found = make.found(run)
        assert set(found) == {"littles-law"}
        assert "49.5 sequences decoded at once; the limit of concurrency is 8" in (
            found["littles-law"].evidence
        )
        assert found["littles-law"].factor == pytest.approx(49.5 / 8)

    def test_the_lowest_limit_counts(self, make):
        run = make.aggregates(
            Setting(max_concurrency=64),
            served(duration_s=10.0, mean_concurrency=20.0),
            counting=Counting.SERVER,
            mean_tpot=0.05,
        )
        found = make.found(run)
        assert "that the tool measured is 20" in found["littles-law"].evidence
        assert found["littles-law"].factor == pytest.approx(49.5 / 20)

    def test_an_idle_run_is_no_finding(self, make):
        run = make.aggregates(
            Setting(max_concurrency=64),
            served(duration_s=1000.0),
            counting=Counting.SERVER,
            mean_tpot=0.05,
        )
        assert make.found(run) == {}


def test_peak_below_mean(make):
    """SGLang PR 12064: 111 against 414.75."""
    totals = Totals(
        duration_s=1e4, output_tokens_per_s=414.75, peak_output_tokens_per_s=111.0
    )
    found = make.found(make.aggregates(totals=totals, mean_tpot=0.03))
    assert set(found) == {"peak-below-mean"}
    assert "111 tokens/s is below the mean of 414.75" in found["peak-below-mean"].evidence
    same = replace(totals, peak_output_tokens_per_s=414.74)
    assert make.found(make.aggregates(totals=same, mean_tpot=0.03)) == {}
    # 2.5 s have three whole seconds at most, and a peak of 0.83 times the mean, 345.63
    brief = replace(totals, duration_s=2.5, peak_output_tokens_per_s=346.0)
    assert make.found(make.aggregates(totals=brief, mean_tpot=0.03)) == {}
    below = replace(brief, peak_output_tokens_per_s=344.0)
    assert set(make.found(make.aggregates(totals=below, mean_tpot=0.03))) == {"peak-below-mean"}


class TestClientQueue:
    def run(self, make, rate, limit, reached):
        setting = Setting(request_rate=rate, max_concurrency=limit)
        return make.aggregates(setting, Totals(requests_per_s=reached), mean_e2e=2.0)

    def test_rate_not_reached(self, make):
        found = make.found(self.run(make, 10.0, 4, 1.9))
        assert set(found) == {"client-queue"}
        evidence = found["client-queue"].evidence
        assert "10.0 requests/s of 2 s each need 20.0 in flight, and 4 were allowed" in evidence
        assert "1.90 requests/s were reached" in evidence

    @pytest.mark.parametrize(
        ("rate", "limit", "reached"),
        [(float("inf"), 4, 1.9), (10.0, 40, 8.0), (2.0, 4, 1.9), (10.0, None, 1.9)],
    )
    def test_quiet(self, make, rate, limit, reached):
        """Closed loop; room enough (a short run); rate reached; no limit."""
        assert make.found(self.run(make, rate, limit, reached)) == {}

    def test_latency_from_parts(self, make):
        setting = Setting(request_rate=10.0, max_concurrency=4)
        totals = served(requests_per_s=1.9)
        run = make.aggregates(
            setting, totals, counting=Counting.SERVER, mean_ttft=0.515, mean_tpot=0.015
        )
        assert "2 s each" in make.found(run)["client-queue"].evidence


class TestFloor:
    def test_below(self, make):
        run = make.aggregates(
            Setting(input_tokens=1000), served(), counting=Counting.SERVER, mean_tpot=0.01
        )
        # 1000 in, 100 out: the steps see 1000 to 1098 tokens, 1049 on average.
        yard = make.steady(0.014, 1e-6)
        found = make.found(run, yardstick=yard)
        assert set(found) == {"below-floor"}
        assert "0.664 of the floor of 15.05 ms" in found["below-floor"].evidence
        assert "context 1,049" in found["below-floor"].evidence
        assert found["below-floor"].factor == pytest.approx(0.01 / (0.014 + 1049e-6))

    def test_stated_speculation_divides_the_floor(self, make):
        run = make.aggregates(Setting(tokens_per_step=3.0), mean_tpot=0.006)
        assert set(make.found(run, yardstick=make.steady(0.014))) == {"several-a-step"}

    def test_time_with_the_first_token_is_bounded_too(self, make):
        """llama-bench: rows of latency and count, no TPOT."""
        run = make.simulated([128] * 5, pace_s=0.01, ttft_s=0.01, prompt=0)
        rows = replace(run.requests, gaps=None, latency_from_gaps=False)
        rows = replace(rows, ttft_s=rows.ttft_s * float("nan"))
        run = replace(run, requests=rows, figures=(), totals=Totals())
        found = make.found(run, yardstick=make.steady(0.014))
        assert found["below-floor"].factor == pytest.approx(0.01 / 0.014)

    def test_far_above(self, make):
        run = make.aggregates(
            Setting(max_concurrency=4), served(), counting=Counting.SERVER, mean_tpot=0.9
        )
        found = make.found(run, yardstick=make.steady(0.012, 1e-5))
        bound = 0.012 + 4 * 49e-5
        assert set(found) == {"far-above-floor"}
        assert f"{0.9 / bound:.3g} times the floor" in found["far-above-floor"].evidence
        assert "batch 4" in found["far-above-floor"].evidence
        assert found["far-above-floor"].factor == pytest.approx(0.9 / bound)
