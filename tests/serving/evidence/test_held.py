"""How many tokens the messages of rows held."""

import numpy as np
import pytest

from truetpot.serving.evidence.held import first_tokens, of_an_interval, runs
from truetpot.serving.records import Counting, Gaps, Requests


def gaps(*requests):
    """Of lists of gaps, one a request."""
    offsets = np.cumsum([0, *map(len, requests)])
    return Gaps(np.concatenate([np.asarray(one, np.float64) for one in requests]), offsets)


def test_a_gap_for_each_token_of_a_message():
    found = runs(gaps([0.1, 0.1, 0.2, 0.2, 0.3], [], [0.3, 0.3, 0.1, 0.1]))
    assert found.each.tolist() == [3, 0, 2]  # a new request begins a new run
    assert (found.longest, found.regular) == (2, True)  # 0.3 is what was left


def test_what_a_draft_model_guesses_is_not_regular():
    found = runs(gaps([0.1, 0.2, 0.2, 0.2, 0.3, 0.4, 0.4], [0.1, 0.1, 0.1, 0.5]))
    assert found.each.tolist() == [4, 2]
    assert (found.longest, found.regular) == (3, False)


def test_gaps_that_never_repeat():
    found = runs(gaps([0.1, 0.2], [0.2, 0.1]))
    assert found.each.tolist() == [2, 2]
    assert (found.longest, found.regular) == (1, True)
    assert runs(gaps([], [])).each.tolist() == [0, 0]


class TestTheFirstMessage:
    """Of requests of 100 tokens in ten messages, ten each or one and 11."""

    def first(self, **columns):
        n = np.full(3, 100)
        rows = Requests(
            prompt_tokens=n,
            output_tokens={Counting.SERVER: n},
            counting=Counting.SERVER,
            ttft_s=np.ones(3),
            latency_s=np.full(3, 2.0),
            latency_from_gaps=False,
            ok=np.ones(3, bool),
            **{name: np.array(column) for name, column in columns.items()},
        )
        return first_tokens(rows, n, np.full(3, 10), np.array([True, True, False]))

    @pytest.mark.parametrize(("tokens", "held"), [([10, 10, 1], 10.0), ([1, 1, 10], 1.0)])
    def test_by_its_tokens(self, tokens, held):
        assert self.first(first_tokens=tokens) == held
        assert self.first(first_tokens=tokens, first_share=[0.5] * 3) == held

    @pytest.mark.parametrize(
        ("share", "held"),
        [
            ([0.09, 0.13, 0.0], 10.0),
            ([0.008, 0.02, 0.5], 1.0),
            ([0.03, 0.05, 0.5], None),  # 4 tokens, if these were of mean length
            ([0.1, np.nan, 0.1], None),
        ],
    )
    def test_by_its_share_of_the_text(self, share, held):
        assert self.first(first_share=share) == held

    def test_by_nothing(self):
        assert self.first() is None
        assert self.first(first_tokens=[10, -1, 10]) is None


class TestAnInterval:
    N = np.array([100, 101, 87, 64, 93, 150, 77, 82])

    def test_the_first_message_as_long_as_the_others(self):
        assert of_an_interval(self.N, np.ceil(self.N / 7).astype(int)) == 7.0

    def test_the_first_token_alone(self):
        assert of_an_interval(self.N, 1 + np.ceil((self.N - 1) / 7).astype(int)) == 1.0

    def test_no_interval(self):
        messages = np.ceil(self.N / 7).astype(int)
        messages[3] += 1
        assert of_an_interval(self.N, messages) is None
        assert of_an_interval(self.N, self.N - 40) is None  # 40 hidden ones each
        assert of_an_interval(self.N, self.N) is None

    def test_what_is_both(self):
        """34 messages of 100 tokens: 3 each, and one alone with 33 of 3."""
        assert of_an_interval(np.full(8, 100), np.full(8, 34)) is None

    def test_too_few(self):
        assert of_an_interval(self.N[:7], np.ceil(self.N[:7] / 7).astype(int)) is None
        assert of_an_interval(self.N, np.ceil(self.N / 40).astype(int)) is None
        # one length, of which 900 tokens may be hidden
        assert of_an_interval(np.full(40, 1000), np.full(40, 100)) is None
