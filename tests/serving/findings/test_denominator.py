"""The founding case: the time of all decoded tokens over the few that were visible."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from truetpot.facts.floor import floor
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.serving.findings import Severity, visible_counts
from truetpot.serving.records import Counting, Gaps, Metric, Setting, Totals
from truetpot.serving.yardstick import Yardstick

VISIBLE, WAIT = "visible-token-denominator", "wait-inside-the-interval"
REPORTED = 30.65755


def qwq(cards=4, card="arc-a770", weights="fp8_e5m2"):
    """The floor of the founding case, by the arithmetic that `truetpot floor` prints."""
    model, hardware = load_model("qwq-32b"), load_hardware(card)

    def floor_s(context, batch):
        bound = floor(
            model,
            hardware,
            Workload(tp=cards, format=weights, context=round(context), batch=round(batch)),
        )
        return bound.ms_per_token / 1e3

    return Yardstick(f"qwq-32b {weights} on {cards} x {card}", floor_s, "bytes over bandwidth")


def open_counts(evidence):
    return [row.n for row in visible_counts(evidence) if row.standing == "open"]


def visible(make, n, total, tau, requests=3, rows=True, clock=True, counting=None):
    """Requests that decode `total` tokens, of which the client counts `n` in messages at the start.

    The interval ends with [DONE], as in clients up to vLLM 0.6.6. Rows have that latency if
    `clock`; else, as such a client saves it, only the gaps between visible messages.
    """
    counting = counting or Counting.RETOKENISED
    base = make.simulated([n] * requests, pace_s=tau)
    interval = tau * (total - 1)
    duration = requests * (0.5 + interval)
    run = replace(
        base,
        requests=replace(
            base.requests,
            output_tokens={counting: np.full(requests, n)},
            counting=counting,
            latency_s=np.full(requests, 0.5 + interval) if clock else base.requests.latency_s,
            latency_from_gaps=not clock,
        ),
        totals=replace(
            base.totals,
            duration_s=duration,
            output_tokens={counting: n * requests},
            requests_per_s=requests / duration,
            output_tokens_per_s=n * requests / duration,
        ),
        figures=tuple(
            figure
            for figure in base.figures
            if figure.metric in (Metric.TTFT, Metric.ITL) and figure.statistic in ("mean", "median")
        ),
    )
    tpot = interval / (n - 1)
    run = make.with_figures(run, mean_tpot=tpot, median_tpot=tpot, std_tpot=0.0)
    return run if rows else make.without_rows(run)


class TestFoundingCase:
    """QwQ-32B fp8 on 4 x Arc A770, 1024 in and 4096 out, mean TPOT 30,657.55 ms."""

    def table(self, make, **totals):
        setting = Setting(input_tokens=1024, output_tokens=4096)
        return make.aggregates(setting, Totals(**totals), mean_tpot=REPORTED)

    def test_nothing_but_the_figure(self, make):
        evidence = make.evidence(self.table(make), yardstick=qwq())
        rows = visible_counts(evidence)
        assert [row.n for row in rows] == list(range(2, 4096))
        for row in rows:
            assert row.interval_s == pytest.approx(REPORTED * (row.n - 1), rel=1e-12)
            assert row.implied_s == pytest.approx(REPORTED * (row.n - 1) / 4095, rel=1e-12)
        assert rows[0].implied_s == pytest.approx(7.49e-3, abs=5e-6)
        assert rows[0].standing == "excluded: below the floor"
        bound = qwq().floor_s(1024 + 4094 / 2, 1)
        assert (rows[1].standing == "open") == (rows[1].implied_s >= bound)
        assert all(row.standing == "open" for row in rows[2:])

        finding = make.found(self.table(make), yardstick=qwq())[VISIBLE]
        assert finding.severity is Severity.ERROR
        assert "30,657.55 ms" in finding.evidence and "4,096" in finding.evidence
        assert "n = 2 (7.49 ms) excluded: below the floor" in finding.evidence
        ratio = REPORTED / bound
        assert ratio == pytest.approx(2094, rel=0.02)
        assert f"{ratio:,.0f} times the floor" in finding.evidence
        assert "the file cannot tell" in finding.evidence
        first = 3 if rows[1].standing == "open" else 4
        assert finding.factor == pytest.approx(4095 / (first - 1))
        assert f"It is 1.00 to {4095 / (first - 1):,.0f} times too long." in finding.evidence

    def test_a_measured_step_makes_the_factor(self, make):
        held = replace(qwq(), step_s=lambda context, batch: 0.03 + context * batch * 1e-7)
        finding = make.found(self.table(make), yardstick=held)[VISIBLE]
        assert finding.factor == pytest.approx(REPORTED / (0.03 + 3071e-7))

    @pytest.mark.parametrize(("bound", "standing"), [(0.0149, "open"), (0.0151, "excluded: below")])
    def test_three_is_decided_by_the_floor_it_is_given(self, make, bound, standing):
        evidence = make.evidence(self.table(make), yardstick=make.steady(bound))
        assert visible_counts(evidence)[1].standing.startswith(standing)

    def test_totals_give_the_count(self, make):
        run = self.table(make, completed=1, duration_s=123.4, output_tokens={Counting.UNSTATED: 5})
        evidence = make.evidence(run, yardstick=qwq())
        assert open_counts(evidence) == [5]
        assert len(visible_counts(evidence)) == 5
        finding = make.found(run, yardstick=qwq())[VISIBLE]
        assert (
            "122.63 s over 5 - 1" in finding.evidence and "29.95 ms each if all" in finding.evidence
        )
        assert finding.factor == pytest.approx(4095 / 4)

    def test_the_duration_ends_the_list(self, make):
        rows = visible_counts(make.evidence(self.table(make, duration_s=200.0), yardstick=qwq()))
        assert [row.n for row in rows][-1] == 8
        assert rows[-1].standing == "excluded: longer than the run"
        assert "200.00 s" in rows[-1].why
        assert rows[-2].standing == "open" and rows[-2].interval_s <= 200

    def test_the_interval_gives_the_count(self, make):
        run = make.with_figures(self.table(make), mean_e2e=123.63, mean_ttft=1.0)
        assert open_counts(make.evidence(run)) == [5]

    def test_without_a_yardstick(self, make):
        """Duration, totals and length asked for show it; a floor would say more."""
        run = self.table(make, completed=1, duration_s=123.4, output_tokens={Counting.UNSTATED: 5})
        finding = make.found(run)[VISIBLE]
        assert finding.factor == pytest.approx(4095 / 4)
        assert "a model and a device" in finding.evidence

    def test_the_gaps_tell_which_branch(self, make):
        run = self.table(make, completed=1, duration_s=123.4, output_tokens={Counting.UNSTATED: 5})
        run = make.with_figures(run, mean_itl=0.0301, median_itl=0.0300)
        finding = make.found(run)[VISIBLE]
        assert "counted short" in finding.evidence and "30.10 ms" in finding.evidence
        assert "cannot tell" not in finding.evidence

    def test_another_format_and_card(self, make):
        """sym_int4 on two B70: other floor, other counts."""
        yard = qwq(2, "arc-pro-b70", "sym_int4")
        rows = visible_counts(make.evidence(self.table(make), yardstick=yard))
        bound = yard.floor_s(3071, 1)
        assert [r.n for r in rows if r.standing != "open"] == [
            r.n for r in rows if REPORTED * (r.n - 1) / 4095 < bound * 0.999
        ]

    def test_the_length_may_be_given_by_hand(self, make):
        run = make.aggregates(totals=Totals(completed=2), mean_tpot=REPORTED, median_tpot=REPORTED)
        assert visible_counts(make.evidence(run)) == []
        held = {"requested_output_tokens": 2048, "yardstick": qwq()}
        rows = visible_counts(make.evidence(run, **held))
        assert rows[0].implied_s == pytest.approx(REPORTED / 2047)
        assert VISIBLE in make.found(run, **held)


@settings(max_examples=200, deadline=None)
@given(
    total=st.integers(8, 20_000),
    n=st.integers(2, 5000),
    tau=st.floats(0.002, 0.5),
    requests=st.integers(1, 5),
    shape=st.sampled_from(["clock", "gaps", "aggregates"]),
    given_floor=st.booleans(),
    asked=st.booleans(),
)
def test_the_true_count_is_open_and_rows_leave_no_other(
    make, total, n, tau, requests, shape, given_floor, asked
):
    assume(n < total)
    run = visible(make, n, total, tau, requests, shape != "aggregates", shape == "clock")
    if asked:
        run = replace(run, setting=replace(run.setting, output_tokens=total))
    held = {} if asked else {"requested_output_tokens": total}
    if given_floor:
        held["yardstick"] = make.steady(tau * 0.9)
    evidence = make.evidence(run, **held)
    assert open_counts(evidence) == [n]
    bare = replace(run, requests=None, totals=Totals(duration_s=run.totals.duration_s))
    counts = visible_counts(make.evidence(bare, **held))
    assert n in [row.n for row in counts if row.standing == "open"]
    mine = counts[n - 2]
    assert mine.n == n
    assert mine.implied_s == pytest.approx(tau, rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    total=st.integers(200, 20_000),
    n=st.integers(2, 40),
    tau=st.floats(0.002, 0.5),
    shape=st.sampled_from(["clock", "gaps", "aggregates"]),
)
def test_it_fires_with_the_right_factor(make, total, n, tau, shape):
    run = visible(make, n, total, tau, rows=shape != "aggregates", clock=shape == "clock")
    finding = make.found(run, requested_output_tokens=total)[VISIBLE]
    assert finding.factor == pytest.approx((total - 1) / (n - 1), rel=1e-6)
    assert finding.severity is Severity.ERROR


class TestHowManyWereDecoded:
    def test_by_the_server(self, make):
        """Its count stands beside the retokenised one: proof of the branch, no length needed."""
        run = visible(make, 6, 1000, 0.02)
        columns = {**run.requests.output_tokens, Counting.SERVER: np.full(3, 1000)}
        run = replace(run, requests=replace(run.requests, output_tokens=columns))
        finding = make.found(run)[VISIBLE]
        assert finding.factor == pytest.approx(999 / 5)
        assert "the server's count" in finding.evidence and "counted short" in finding.evidence

    def test_by_streamed_messages(self, make):
        """One message a token, most of them without text."""
        run = make.simulated([1000] * 3)
        columns = {Counting.RETOKENISED: np.full(3, 6)}
        rows = replace(run.requests, output_tokens=columns, counting=Counting.RETOKENISED)
        run = replace(run, requests=rows, totals=Totals(), figures=())
        finding = make.found(run)[VISIBLE]
        assert finding.factor == pytest.approx(999 / 5)
        assert "1,000 messages" not in finding.evidence and "streamed messages" in finding.evidence

    def test_by_nothing(self, make):
        """The printed table of an old client: the gaps alone show that the interval is too long."""
        run = make.aggregates(
            totals=Totals(completed=1, duration_s=124.0, output_tokens={Counting.UNSTATED: 5}),
            mean_tpot=REPORTED,
            mean_itl=0.0299,
            median_itl=0.0298,
        )
        finding = make.found(run)[VISIBLE]
        assert finding.factor == pytest.approx(REPORTED / 0.0299)
        assert "the output length asked for" in finding.evidence


class TestBranches:
    def short(self, make, counting=Counting.SERVER, **changes):
        """Four tokens that the server counts too; 60 s in the interval."""
        run = visible(make, 4, 2001, 0.03, counting=counting)
        return replace(run, requests=replace(run.requests, **changes))

    def test_the_server_counts_few_too(self, make):
        found = make.found(self.short(make), requested_output_tokens=2001)
        assert VISIBLE not in found
        assert "the server counts 4 tokens a request too" in found[WAIT].evidence
        assert found[WAIT].factor == pytest.approx(60 / 3 / 0.03)

    def test_finish_reasons_say_stop(self, make):
        run = self.short(make, Counting.RETOKENISED, finish_reasons=("stop",) * 3)
        found = make.found(run, requested_output_tokens=2001)
        assert VISIBLE not in found and "100 %" in found[WAIT].evidence

    def test_finish_reasons_say_length(self, make):
        run = self.short(make, Counting.RETOKENISED, finish_reasons=("length",) * 3)
        found = make.found(run, requested_output_tokens=2001)
        assert WAIT not in found and "ended at the length asked for" in found[VISIBLE].evidence

    def test_the_floor_forbids_the_length(self, make):
        """40 s for 2001 tokens would be 20 ms each, below a floor of 25 ms."""
        run = visible(make, 4, 2001, 0.02)
        held = {"requested_output_tokens": 2001, "yardstick": make.steady(0.025)}
        found = make.found(run, **held)
        assert VISIBLE not in found
        assert "below the floor of 25.00 ms" in found[WAIT].evidence
        assert open_counts(make.evidence(run, **held)) == []

    def test_neither_can_be_told(self, make):
        """Few visible tokens far apart: their gaps are as long as the reported time."""
        run = make.aggregates(
            Setting(output_tokens=2001),
            Totals(completed=1, duration_s=61.0, output_tokens={Counting.UNSTATED: 4}),
            mean_tpot=20.0,
            mean_itl=20.0,
            median_itl=19.5,
        )
        finding = make.found(run, yardstick=make.steady(0.02))[VISIBLE]
        assert "Either long outputs were counted short, or outputs were short" in finding.evidence


class TestRowsThatDiffer:
    def test_the_same_interval_for_different_counts(self, make):
        """No length, no server count, no gaps: three tokens took as long as forty."""
        run = visible(make, 3, 2001, 0.03, requests=4)
        counts = np.array([3, 9, 20, 40])
        rows = replace(run.requests, output_tokens={Counting.RETOKENISED: counts}, gaps=None)
        run = replace(run, requests=rows)
        mean = float(np.mean(60 / (counts - 1)))
        run = make.with_figures(run, mean_tpot=mean, mean_itl=None, median_itl=None)
        finding = make.found(run)[VISIBLE]
        assert "Requests of 3 to 40 tokens all took 60.00 s to 60.00 s" in finding.evidence
        found = make.found(run, requested_output_tokens=2001)[VISIBLE]
        assert found.factor == pytest.approx(mean / 0.03)
        rows = visible_counts(make.evidence(run, requested_output_tokens=2001))
        assert [row.n for row in rows if row.standing == "open"] == [3, 9, 20]
        assert 39 * mean > run.totals.duration_s  # 40 could not have made that mean alone

    def test_texts_and_gaps_exclude_where_counts_are_missing(self, make):
        run = visible(make, 13, 2001, 0.03, requests=2)
        rows = replace(
            run.requests,
            output_tokens={Counting.RETOKENISED: np.array([-1, -1])},
            text_chars=np.array([4, 3]),
            gaps=Gaps(np.array([9.0, 4.0, 12.0, 3.0]), np.array([0, 2, 4])),
        )
        run = replace(run, requests=rows, totals=Totals(completed=2))
        evidence = make.evidence(run, requested_output_tokens=2001)
        standing = {row.n: row.standing for row in visible_counts(evidence)}
        # 60 s / 12 = 5 s a token: gaps of 14 s need three intervals; 4 characters are 16 bytes.
        assert standing[2] == standing[3] == "excluded: shorter than its gaps"
        assert [n for n, said in standing.items() if said == "open"] == list(range(4, 17))
        assert standing[17] == "excluded: more tokens than the text has bytes"


class TestQuiet:
    def test_short_outputs_at_a_sane_pace(self, make):
        run = make.simulated([50] * 4, setting=Setting(output_tokens=512))
        found = make.found(run, yardstick=make.steady(0.02))
        assert set(found) == {"short-outputs"}

    def test_speculative_decoding(self, make):
        """Three tokens a step: gaps three times the time per token, all of them counted."""
        setting = Setting(output_tokens=301, tokens_per_step=3.0)
        run = make.simulated([301] * 4, chunk=3, setting=setting)
        for shape in (run, make.without_rows(run)):
            found = make.found(shape, yardstick=make.steady(0.02))
            assert set(found) == {"several-a-step"}
            assert found["several-a-step"].factor == pytest.approx(3)

    def test_a_slow_server_that_stopped_early(self, make):
        """1.5 s for each of 50 tokens, and every gap bears it out."""
        run = make.simulated([50] * 3, pace_s=1.5, ttft_s=4, setting=Setting(output_tokens=512))
        run = replace(run, figures=tuple(f for f in run.figures if f.metric is not Metric.E2E))
        table = make.without_rows(run)
        unstated = replace(table.totals, output_tokens={Counting.UNSTATED: 150})
        for shape in (run, table, replace(table, totals=unstated)):
            assert set(make.found(shape)) == {"short-outputs"}
        found = make.found(run, yardstick=make.steady(0.02))
        assert set(found) == {"short-outputs", "far-above-floor"}

    def test_a_hostile_length(self, make):
        run = make.aggregates(Setting(output_tokens=10**12), Totals(), mean_tpot=5.0)
        assert len(visible_counts(make.evidence(run))) <= 100_000
