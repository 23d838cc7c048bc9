"""Chunks that are not tokens."""

from dataclasses import replace

import numpy as np
import pytest

from truetpot.serving.findings import Severity
from truetpot.serving.records import Counting, Gaps, Setting, Totals


class TestChunkIsNotAToken:
    def test_several_tokens(self, make):
        run = make.simulated([101] * 3, chunk=4)
        found = make.found(run)
        assert set(found) == {"chunk-is-not-a-token"}
        finding = found["chunk-is-not-a-token"]
        assert finding.evidence.startswith("101 tokens came in 26 messages: each message held 3.88")
        assert "the first message held one token and the others 4.00" in finding.evidence
        assert finding.factor == pytest.approx(4)

    def test_from_means(self, make):
        """ipex-llm's quickstart, by its figures."""
        run = make.aggregates(
            totals=Totals(completed=1, duration_s=17.06, output_tokens={Counting.UNSTATED: 512}),
            mean_ttft=0.5201,
            mean_tpot=0.03237,
            mean_itl=0.06487,
            median_itl=0.06484,
        )
        found = make.found(run)
        assert set(found) == {"chunk-is-not-a-token"}
        finding = found["chunk-is-not-a-token"]
        # 511 intervals of 32.37 ms are 255 gaps of 64.87 ms
        assert "512 tokens came in 255.99 messages: each message held 2.00" in finding.evidence
        assert "(17.06 s - 520.10 ms)/(512 - 1) = 32.37 ms a token" in finding.evidence
        assert finding.factor == pytest.approx(64.87 / 32.37)

    def test_messages_without_tokens(self, make):
        """Two messages a token, one of them empty: the gaps are half a token's time."""
        run = make.simulated([101] * 3, pace_s=0.03)
        seconds = np.full(600, 0.015)
        rows = replace(run.requests, gaps=Gaps(seconds, np.array([0, 200, 400, 600])))
        run = make.with_figures(replace(run, requests=rows), mean_itl=0.015, median_itl=0.015)
        found = make.found(run)
        assert set(found) == {"chunk-is-not-a-token"}
        assert found["chunk-is-not-a-token"].factor == pytest.approx(0.5)

    def test_gaps_that_the_tool_divided(self, make):
        """SGLang's client writes a quarter of the gap for each of a chunk's four tokens."""
        run = make.simulated([101] * 3, chunk=4)
        run, gaps = replace(run, figures=()), run.requests.gaps
        each = Gaps(np.repeat(gaps.seconds / 4, 4), gaps.offsets * 4)
        rows = replace(run.requests, gap_unit_is_token=True)
        assert make.found(replace(run, requests=replace(rows, gaps=each))) == {}
        # without the last three: the first message held four tokens too
        first = replace(rows, gaps=Gaps(each.seconds[:291], np.arange(4) * 97))
        evidence = make.found(replace(run, requests=first))["chunk-is-not-a-token"].evidence
        assert "each message held 4.00 tokens, the first too" in evidence


class TestCountedAsTokens:
    def test_every_line_counted(self, make):
        """A blank line after each message: 198 intervals counted where there were 99."""
        run = make.aggregates(
            totals=Totals(completed=60, output_tokens={Counting.RETOKENISED: 6000}),
            mean_tpot=0.01,
            mean_ttft=0.05,
            mean_e2e=0.05 + 99 * 0.02,
            mean_itl=0.01,
        )
        found = make.found(run, yardstick=make.steady(0.012))
        assert set(found) == {"chunks-counted-as-tokens"}  # and not below-floor, which it explains
        finding = found["chunks-counted-as-tokens"]
        assert "1.98 s / (100 - 1) = 20.00 ms" in finding.evidence
        assert "it divides by 198 intervals, and 100 tokens came" in finding.evidence
        assert finding.factor == pytest.approx(0.5)


class TestSeveralAStep:
    def test_stated(self, make):
        run = make.simulated([300] * 2, chunk=2, setting=Setting(tokens_per_step=2.0))
        found = make.found(run)
        assert set(found) == {"several-a-step"}
        assert found["several-a-step"].severity is Severity.INFO
        assert "states 2.00 tokens a step" in found["several-a-step"].evidence

    def test_bursts(self, make):
        run = make.aggregates(
            mean_tpot=0.01, mean_itl=0.01, median_itl=2e-5, p75_itl=0.0199, p99_itl=0.021
        )
        found = make.found(run)
        assert set(found) == {"several-a-step"}
        assert found["several-a-step"].severity is Severity.WARNING
        evidence = found["several-a-step"].evidence
        assert "0.02 ms is 0.2 % of the mean of 10.00 ms" in evidence
        assert "the gaps do not say" in evidence

    def test_bursts_in_rows(self, make):
        """Two gaps of nothing, then one of three tokens' time: counts agree, gaps are bursts."""
        run = make.simulated([101] * 3, pace_s=0.03)
        seconds = np.tile([1e-5, 1e-5, 0.09 - 2e-5], 100)
        run = replace(
            run, requests=replace(run.requests, gaps=Gaps(seconds, run.requests.gaps.offsets))
        )
        run = replace(run, figures=())
        found = make.found(run)
        assert set(found) == {"several-a-step"}


def test_stalls(make):
    """95 steps of 10 ms, and four of 1.5 s."""
    run = make.simulated([100] * 3, pace_s=0.01)
    one = np.full(99, 0.01)
    one[[20, 40, 60, 80]] = 1.5
    latency = run.requests.ttft_s + one.sum()
    rows = replace(
        run.requests, gaps=Gaps(np.tile(one, 3), run.requests.gaps.offsets), latency_s=latency
    )
    run = replace(run, requests=rows, totals=Totals(), figures=())
    found = make.found(run)
    assert set(found) == {"stalls"}
    assert found["stalls"].factor == pytest.approx(one.mean() / 0.01)
    assert "70.20 ms, 7.02 times the median of 10.00 ms" in found["stalls"].evidence


class TestTtftAmongGaps:
    def test_in_rows(self, make):
        run = make.simulated([11] * 4, pace_s=0.03, ttft_s=0.6, from_gaps=False)
        seconds = np.tile(np.r_[0.6, np.full(10, 0.03)], 4)
        rows = replace(run.requests, gaps=Gaps(seconds, np.arange(5) * 11))
        found = make.found(replace(run, requests=rows, figures=(), totals=Totals()))
        finding = found["ttft-among-gaps"]
        assert "100 % of the requests" in finding.evidence
        assert "81.82 ms with it and 30.00 ms without" in finding.evidence
        assert finding.factor == pytest.approx((0.9 / 11) / 0.03)
        assert "first-chunk-is-no-token" not in found

    def test_in_figures(self, make):
        run = make.aggregates(
            totals=Totals(completed=1, output_tokens={Counting.SERVER: 11}),
            counting=Counting.SERVER,
            mean_ttft=0.6,
            max_ttft=0.61,
            mean_itl=0.9 / 11,
            max_itl=0.61,
        )
        finding = make.found(run)["ttft-among-gaps"]
        assert "610.00 ms" in finding.evidence
        assert finding.factor == pytest.approx((0.9 / 11) / 0.03)


class TestFirstChunk:
    def test_in_rows(self, make):
        """The role comes after 2 ms, the first token 600 ms later."""
        run = make.simulated([51] * 4, pace_s=0.02, ttft_s=0.002)
        seconds = run.requests.gaps.seconds.copy()
        seconds[run.requests.gaps.offsets[:-1]] = 0.6
        latency = run.requests.ttft_s + 0.6 + 49 * 0.02
        rows = replace(
            run.requests, gaps=Gaps(seconds, run.requests.gaps.offsets), latency_s=latency
        )
        run = replace(run, requests=rows, totals=Totals(), figures=())
        found = make.found(run)
        finding = found["first-chunk-is-no-token"]
        assert "30.0 times the mean of the others" in finding.evidence
        assert "31.60 ms, without 20.00 ms" in finding.evidence
        assert finding.factor == pytest.approx((1.58 / 50) / 0.02)

    def test_ttft_below_a_step(self, make):
        run = make.aggregates(mean_ttft=0.004, mean_tpot=0.03, mean_itl=0.031)
        found = make.found(run)
        assert set(found) == {"first-chunk-is-no-token"}
        assert "4.00 ms is shorter than the time of one token, 30.00 ms" in (
            found["first-chunk-is-no-token"].evidence
        )

    def test_ttft_below_the_floor(self, make):
        run = make.aggregates(mean_ttft=0.02, mean_tpot=0.03)
        assert make.found(run) == {}
        found = make.found(run, yardstick=make.steady(0.025))
        assert "below the floor of a step, 25.00 ms" in found["first-chunk-is-no-token"].evidence
