"""Counts of the same tokens, and texts."""

from dataclasses import replace

import numpy as np
import pytest

from truetpot.serving.records import Counting, Metric, Setting, Totals


def counted(make, own, other, way=Counting.SERVER, mine=Counting.RETOKENISED):
    """Two counts a request; the tool divides by `own`. The server's, if given, is what came."""
    run = make.simulated(other if way is Counting.SERVER else own)
    columns = {mine: np.asarray(own), way: np.asarray(other)}
    totals = {key: int(column.sum()) for key, column in columns.items()}
    rows = replace(run.requests, output_tokens=columns, counting=mine)
    run = replace(run, requests=rows, totals=replace(run.totals, output_tokens=totals))
    wanted = make.wanted | {Metric.TPOT: ("tpot_per_request", mine)}
    return replace(run, figures=make.figures_of(make.by_hand(run), wanted))


class TestDisagree:
    def test_fewer_visible_than_decoded(self, make):
        """Collapsed blanks: 80 of 101 tokens. Below the shortfall of the founding case."""
        run = counted(make, [80] * 3, [101] * 3)
        found = make.found(run)
        assert set(found) == {"counts-disagree"}
        finding = found["counts-disagree"]
        assert "80 tokens by the count that the tool divides by (retokenised)" in finding.evidence
        assert "101 by another (server): 1.26 times" in finding.evidence
        assert finding.factor == pytest.approx(100 / 79)

    def test_totals_alone(self, make):
        """SGLang's pair: the server's count is right, the text is not."""
        run = make.aggregates(
            totals=Totals(
                completed=10,
                output_tokens={Counting.SERVER: 1000, Counting.RETOKENISED: 600},
            ),
            counting=Counting.SERVER,
            mean_tpot=0.03,
        )
        found = make.found(run)
        assert set(found) == {"counts-disagree"}
        assert found["counts-disagree"].factor is None

    def test_chunks_as_tokens(self, make):
        run = counted(make, [201] * 3, [101] * 3, Counting.RETOKENISED, Counting.CHUNKS)
        found = make.found(run)
        assert found["counts-disagree"].factor == pytest.approx(100 / 200)


def test_off_by_one(make):
    run = counted(make, [6] * 9, [5] * 9)
    found = make.found(run)
    assert set(found) == {"count-off-by-one"}
    assert "one token more than the count by server in every request: 6 and 5" in (
        found["count-off-by-one"].evidence
    )
    assert found["count-off-by-one"].factor == pytest.approx(4 / 5)


class TestRequestedAsCount:
    def test_by_definition(self, make):
        run = counted(make, [512] * 4, [100] * 4, Counting.RETOKENISED, Counting.REQUESTED)
        found = make.found(run)
        assert "512 tokens asked for" in found["requested-as-count"].evidence
        assert "(retokenised) 100 came" in found["requested-as-count"].evidence
        assert found["requested-as-count"].factor == pytest.approx(99 / 511)
        assert "counts-disagree" not in found

    def test_by_equality(self, make):
        run = make.aggregates(
            Setting(output_tokens=512),
            Totals(completed=4, output_tokens={Counting.UNSTATED: 2048, Counting.RETOKENISED: 400}),
            mean_tpot=0.03,
        )
        found = make.found(run)
        assert set(found) == {"requested-as-count"}
        assert found["requested-as-count"].factor == pytest.approx(99 / 511)


class TestBlankText:
    def texts(self, make, chars, blanks):
        run = make.simulated([100] * 3)
        rows = replace(run.requests, text_chars=np.full(3, chars), blank_chars=np.full(3, blanks))
        return make.found(replace(run, requests=rows))

    def test_blanks(self, make):
        found = self.texts(make, 400, 380)
        assert set(found) == {"blank-text"}
        assert "95 % of the 1,200 characters are white space" in found["blank-text"].evidence

    def test_next_to_nothing(self, make):
        found = self.texts(make, 7, 1)
        assert "21 characters for 300 tokens (server)" in found["blank-text"].evidence

    def test_chinese_is_text(self, make):
        assert self.texts(make, 110, 0) == {}
