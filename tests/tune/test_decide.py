"""A search reports no gain where there is none, and finds one that there is."""

import numpy as np
import pytest

from tests.tune.simulated import Noise, SimulatedLab
from truetpot.errors import KernelError
from truetpot.records.tuned import SearchKey
from truetpot.stats import Comparison, Ratio
from truetpot.tune.decide import LEAST, PROCESSES, decide
from truetpot.tune.progress import Log
from truetpot.tune.search import search

KEY = SearchKey(op="linear", provider="mine", case="n=1", device="card", versions={}, source="")
CONFIGS = [{"tile": 1 << i, "split": j} for i in range(8) for j in (1, 2, 3, 4)]


class Nowhere(Log):
    """What is found out is not written."""

    def _write(self, line):
        pass


def simulate(seconds, seed, noise=None):
    lab = SimulatedLab(CONFIGS, seconds, seed, noise)
    return search(CONFIGS, lab, Nowhere(None, KEY))


@pytest.mark.parametrize(
    ("noise", "searches"),
    [
        pytest.param(Noise(), 1000, id="all of it"),
        pytest.param(Noise(process=0.015), 300, id="processes far apart"),
        pytest.param(Noise(bursts=0.3, drift=0.5), 300, id="a busy machine"),
        pytest.param(Noise(process=0, correlated=0.01, memory=0), 300, id="white"),
    ],
)
def test_parameters_without_effect_bring_no_gain(noise, searches):
    """The race of the finalists alone would be fooled by most: see below."""
    same = np.ones(len(CONFIGS))
    found = [simulate(same, seed, noise) for seed in range(searches)]
    assert sum(one.improved for one in found) < searches / 100


def test_the_race_that_chooses_says_too_much():
    """Why another decides: in the finalists' own race the fastest seems a gain in most searches."""
    fooled = 0
    for seed in range(200):
        lab = SimulatedLab(CONFIGS, np.ones(len(CONFIGS)), seed)
        _, raced = lab.final(CONFIGS[1:], lambda used: None)
        fooled += any(one.gain_ci[0] > 1 for one in raced)
    assert fooled > 100


def test_a_real_gain_of_three_percent_is_found():
    seconds = np.ones(len(CONFIGS))
    seconds[17] = 1 / 1.03
    found = [simulate(seconds, seed) for seed in range(200)]
    right = [one for one in found if one.best.config == CONFIGS[17]]
    assert len(right) > 140
    assert sum(one.improved for one in found) == len(right)
    # chosen before it was measured, the gain that is kept is no lucky one
    assert np.median([one.best.gain for one in right]) == pytest.approx(1.03, abs=0.005)
    inside = sum(one.best.gain_ci[0] <= 1.03 <= one.best.gain_ci[1] for one in right)
    assert inside > 0.95 * len(right)


class Table:
    """Processes with given gains."""

    def __init__(self, *gains):
        self.gains = gains

    def in_new_processes(self, config, count):
        for gain in self.gains[:count]:
            if isinstance(gain, str):
                raise KernelError(gain)
            yield Ratio(gain, gain, gain, 20)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((1.05, 1.06, 1.04, 1.05, 1.05), Comparison.FASTER),
        ((0.95, 0.96, 0.94, 0.95, 0.95), Comparison.SLOWER),
        ((1.20, 0.90, 1.02, 1.10, 1.01), Comparison.UNDECIDED),
        ((1.001, 1.000, 0.999, 1.001, 1.0), Comparison.SAME),
        ((1.005, 1.006, 1.0055, 1.005, 1.006), Comparison.SAME),
    ],
)
def test_the_verdict(gains, verdict):
    decision = decide(Table(*gains), {"tile": 8}, 4, lambda number: None)
    assert decision.verdict is verdict
    assert decision.gains == pytest.approx(gains)
    assert decision.confidence == 1 - 0.05 / 4
    assert decision.gain_ci[0] < decision.gain < decision.gain_ci[1]
    if verdict is Comparison.FASTER:
        assert decision.gain_ci[0] > 1
        assert decision.gain >= 1 + LEAST


def test_more_finalists_ask_for_more():
    gains = (1.02, 1.05, 1.03, 1.02, 1.04)
    alone, many = (decide(Table(*gains), {}, n, lambda number: None) for n in (1, 8))
    assert many.gain == alone.gain
    assert many.gain_ci[0] < alone.gain_ci[0]


def test_a_process_that_fails_leaves_no_verdict():
    asked = []
    decision = decide(Table(1.2, "signal 11", 1.2, 1.2, 1.2), {}, 2, asked.append)
    assert (decision.verdict, decision.gain, decision.reason) == (None, None, "signal 11")
    assert decision.gains == [pytest.approx(1.2)]
    assert asked == [0, 1] < [*range(PROCESSES)]
