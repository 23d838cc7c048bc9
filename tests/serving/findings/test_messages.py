"""What messages held, by what each form of file has of it."""

from dataclasses import replace

import numpy as np
import pytest

from truetpot.records.verdicts import Verdict
from truetpot.serving.check import check_run
from truetpot.serving.evidence.messages import Holds
from truetpot.serving.records import Counting, Gaps, Metric, Setting, Totals
from truetpot.serving.verdict import judge


def holds(make, run, **held):
    """The readings that are left."""
    stream = make.evidence(run, **held).stream
    return [] if stream is None else [one.holds for one in stream.readings]


def zeros(make, **places):
    """100 tokens at 10 ms, the tokens of a message with one time: some gaps are 0."""
    run = make.aggregates(
        totals=Totals(completed=8, output_tokens={Counting.RETOKENISED: 800}),
        counting=Counting.RETOKENISED,
        mean_ttft=0.5,
        mean_tpot=0.01,
        mean_itl=0.01,
        **places,
    )
    itl = make.definition(Metric.ITL, "itl_per_token", Counting.RETOKENISED)
    return replace(run, definitions=run.definitions | {Metric.ITL: itl})


class TestGapsOfZero:
    def test_they_lie_within_a_message(self, make):
        run = zeros(make, p25_itl=0.0, median_itl=0.0, p75_itl=0.0, p90_itl=0.05, p99_itl=0.06)
        stream = make.evidence(run).stream
        assert stream.messages == pytest.approx(1 + 99 / 5)
        assert [one.holds for one in stream.readings] == [Holds.ALIKE, Holds.FIRST_ALONE]
        assert set(make.found(run)) == {"chunk-is-not-a-token"}

    def test_a_few_are_two_messages_that_came_together(self, make):
        run = zeros(make, p1_itl=0.0, p5_itl=0.0098, median_itl=0.01, p99_itl=0.011)
        assert holds(make, run) == []

    def test_a_floor_leaves_steps_of_several_tokens(self, make):
        run = zeros(make, p25_itl=0.0, median_itl=0.0, p75_itl=0.03, p99_itl=0.031)
        floor = make.steady(0.02)
        assert holds(make, run, yardstick=floor) == [Holds.FIRST_ALONE]
        checked = check_run(run, yardstick=floor)
        assert "below-floor" not in {finding.id for finding in checked.findings}
        assert judge(checked).verdict is Verdict.NOT_COMPARABLE

    def test_a_message_is_no_step_of_so_many_tokens(self, make):
        run = zeros(make, p90_itl=0.0, p95_itl=0.2, p99_itl=0.21)
        checked = check_run(run, yardstick=make.steady(0.02))  # 20 tokens a message
        assert judge(checked).verdict is Verdict.IMPOSSIBLE


class TestADivisorOfMessages:
    def online(self, make, tpot, way=Counting.REQUESTED):
        run = make.aggregates(
            Setting(output_tokens=100 if way is Counting.REQUESTED else None),
            Totals(completed=4, output_tokens={way: 400}),
            Counting.CHUNKS,
            mean_ttft=0.5,
            mean_e2e=0.5 + 99 * 0.01,
            mean_tpot=tpot,
        )
        return replace(run, definitions={Metric.TPOT: run.definitions[Metric.TPOT]})

    def test_fewer_messages_than_were_asked_for(self, make):
        """Nobody counted what came: the messages held several tokens, or the outputs ended."""
        run = self.online(make, 0.05)
        assert holds(make, run) == [Holds.ALIKE, Holds.FIRST_ALONE, Holds.ENDED]
        assert set(make.found(run)) == {"chunk-is-not-a-token"}
        found = judge(check_run(run))
        assert found.verdict is Verdict.UNDECIDABLE
        assert "outputs that ended early" in found.why

    def test_a_floor_excludes_what_is_too_fast(self, make):
        run = self.online(make, 0.3)  # 4.3 messages, 30 tokens each, or one
        assert holds(make, run, yardstick=make.steady(0.05)) == [Holds.ENDED]

    def test_fewer_messages_than_tokens_of_the_text(self, make):
        run = self.online(make, 0.05, Counting.RETOKENISED)
        assert holds(make, run) == [Holds.ALIKE, Holds.FIRST_ALONE]
        assert judge(check_run(run)).verdict is Verdict.NOT_COMPARABLE

    def test_a_message_a_token(self, make):
        assert holds(make, self.online(make, 0.0101)) == []
        found = make.found(self.online(make, 0.005))
        assert set(found) == {"chunks-counted-as-tokens"}


class TestRows:
    def test_the_first_message_tells_an_interval_from_steps(self, make):
        """Of one length; of several the numbers of messages tell it too."""
        run = make.simulated([100] * 8, chunk=5, jitter=0.1)
        share = run.requests
        alike = replace(share, first_share=np.full(8, 0.05))
        alone = replace(share, first_share=np.full(8, 0.01))
        assert holds(make, replace(run, requests=alike)) == [Holds.ALIKE]
        assert holds(make, replace(run, requests=alone)) == [Holds.FIRST_ALONE]

    def test_a_text_of_all_tokens_hides_none(self, make):
        """TTFT covers the 79 tokens that have no message of their own."""
        run = make.simulated([101] * 8, chunk=5, ttft_s=13.0, pace_s=0.03)
        assert Holds.HIDDEN_FIRST in holds(make, run)
        rows = run.requests
        counts = rows.output_tokens | {Counting.RETOKENISED: np.full(8, 99)}
        assert holds(make, replace(run, requests=replace(rows, output_tokens=counts))) == [
            Holds.ALIKE,
            Holds.FIRST_ALONE,
        ]

    def test_a_queue_that_grew_tells_nothing(self, make):
        """TTFT rises by 6 s a request and falls with the hidden tokens: no slope of a stream."""
        run = make.simulated([100 - 20 * (i // 4) for i in range(12)], chunk=2, ttft_s=13.0)
        ttft = 13.0 + 6.0 * np.arange(12)
        rows = replace(run.requests, ttft_s=ttft, latency_s=ttft + 1.5)
        found = holds(make, replace(run, requests=rows, figures=(), totals=Totals()))
        assert set(found) == {Holds.ALIKE, Holds.FIRST_ALONE, Holds.HIDDEN_FIRST}

    def test_messages_without_text_are_messages(self, make):
        run = make.simulated([101] * 4, chunk=4)
        rows = replace(run.requests, silent=np.full(4, 75))
        assert holds(make, run)
        assert holds(make, replace(run, requests=rows)) == []

    def test_all_ended_at_the_length_asked_for(self, make):
        """26 messages were counted, and the finish reason says that all 101 tokens came."""
        run = make.simulated([101] * 4, chunk=4)
        columns = {Counting.CHUNKS: np.full(4, 26), Counting.REQUESTED: np.full(4, 101)}
        rows = replace(run.requests, output_tokens=columns, counting=Counting.CHUNKS)
        whole = replace(rows, finish_reasons=("length",) * 4)
        bare = {"figures": (), "totals": Totals()}
        assert "chunk-is-not-a-token" in make.found(replace(run, requests=whole, **bare))
        some = replace(rows, finish_reasons=("length", "length", "stop", "length"))
        assert holds(make, replace(run, requests=some, **bare)) == []

    def test_steps_of_several_tokens_whose_gaps_the_tool_divided(self, make):
        steps = np.array([1, 3, 2, 4, 1, 1, 3, 2, 1, 2] * 5)
        gaps = np.repeat((0.03 + 1e-5 * np.arange(50)) / steps, steps)
        run = make.simulated([101] * 3)
        rows = replace(
            run.requests,
            gaps=Gaps(np.tile(gaps, 3), np.arange(4) * 100),
            gap_unit_is_token=True,
        )
        stream = make.evidence(replace(run, requests=rows, figures=())).stream
        assert (stream.tokens, stream.messages) == (101, 51)
        assert [one.holds for one in stream.readings] == [Holds.FIRST_ALONE]


def test_the_gaps_are_as_long_as_their_mean(make):
    """(0.3 + 99 * 0.01) / 100 is 12.9 ms by chance: no gap is as short as a token's time."""
    run = make.aggregates(
        totals=Totals(completed=1, output_tokens={Counting.SERVER: 100}),
        counting=Counting.SERVER,
        mean_ttft=0.3,
        mean_tpot=0.01,
        mean_itl=0.0129,
        median_itl=0.0128,
    )
    assert "ttft-among-gaps" not in make.found(run)
    assert "chunk-is-not-a-token" in make.found(run)
    short = make.with_figures(run, median_itl=0.01)
    assert "ttft-among-gaps" in make.found(short)


def test_a_stated_interval_sends_the_first_token_alone(make):
    """As vLLM and SGLang do: 101 tokens in 1 + 25 messages."""
    setting = Setting(tokens_per_chunk=4)
    run = make.simulated([101] * 3, chunk=4, setting=setting)
    (reading,) = make.evidence(run).stream.readings
    assert reading.holds is Holds.FIRST_ALONE
    assert (reading.token_s, reading.tokens_a_message) == pytest.approx((0.03, 4))


def test_a_file_without_any_count_of_tokens(make):
    """InferenceX: 991 ms at 10 ms a token are 100 tokens, and gaps of 50 ms 21 messages."""
    run = make.aggregates(
        counting=Counting.SERVER, mean_ttft=0.5, mean_e2e=1.49, mean_tpot=0.01, mean_itl=0.05
    )
    evidence = make.evidence(run)
    assert evidence.divided_by == pytest.approx(100)
    assert "by the interval over the time per token" in evidence.context.source
    assert evidence.stream.messages == pytest.approx(1 + 99 / 5)
    assert "chunk-is-not-a-token" in make.found(run)
