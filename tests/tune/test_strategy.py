"""Strategies: nothing is asked for twice, failures are passed by, the model needs few trials."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tune.spaces import SPACES, configs, grid
from truetpot.tune.space import Space
from truetpot.tune.strategy import FIRST, STRATEGIES
from truetpot.tune.surrogate import Surrogate

NAMES = list(STRATEGIES)


def make(name, space, seed=0):
    return STRATEGIES[name](space, np.random.default_rng(seed))


def trials(name, space, times, seed, within=1.05):
    """How many until one within 5 % of the fastest, which the strategy does not know."""
    goal = within * np.nanmin(times)
    strategy = make(name, space, seed)
    for count in range(1, len(space) + 1):
        index = strategy.ask()
        if times[index] <= goal:
            return count
        strategy.tell(index, None if np.isnan(times[index]) else float(times[index]))
    raise AssertionError("the goal is one of them")


@pytest.mark.parametrize("name", NAMES)
@given(
    costs=st.lists(st.none() | st.floats(1e-9, 1e3), min_size=12, max_size=12),
    known=st.sets(st.integers(0, 11)),
)
@settings(max_examples=30, deadline=None)
def test_each_is_asked_for_once(name, costs, known):
    """Whatever it is told: failures, equal times, and what another search knew before."""
    space = Space(configs(grid((3, 2, 2))))
    strategy = make(name, space)
    for index in known:
        strategy.tell(index, costs[index])
    asked = []
    while (index := strategy.ask()) is not None:
        likely = strategy.likely(3)
        assert likely[0] == index == strategy.ask(), "asking does not change anything"
        assert len({*likely}) == len(likely) == min(3, 12 - len(known) - len(asked))
        assert not {*likely} & {*known, *asked}
        asked.append(index)
        strategy.tell(index, costs[index])
    assert sorted(asked) == sorted(set(range(12)) - known)


@pytest.mark.parametrize(("name", "most"), [("all", 1 / 8), ("random", 1 / 8), ("model", 0.5)])
def test_what_is_likely_next_is_asked_for_soon(name, most):
    """Of hundred trials, before how many something has to be compiled, eight at a time."""
    ordinals, times = SPACES["roofline"](1)
    some = (ordinals[:, -2:] == 0).all(axis=1)
    space, times = Space(configs(ordinals[some])), times[some]
    strategy, compiled, phases, count = make(name, space), set(), 0, 104
    for _ in range(count):
        index = strategy.ask()
        if index not in compiled:
            compiled.update([i for i in strategy.likely(32) if i not in compiled][:8])
            phases += 1
        strategy.tell(index, None if np.isnan(times[index]) else float(times[index]))
    assert phases / count <= most


def test_the_model_needs_fewer_trials_than_a_climb():
    ratios = {}
    for name, maker in SPACES.items():
        ordinals, times = maker(1)
        some = (ordinals[:, -2:] == 0).all(axis=1)
        space, times = Space(configs(ordinals[some])), times[some]
        medians = {
            strategy: statistics.median(trials(strategy, space, times, seed) for seed in range(7))
            for strategy in ("model", "climb")
        }
        ratios[name] = medians["model"] / medians["climb"]
    assert math.exp(statistics.fmean(map(math.log, ratios.values()))) < 0.8, ratios


def test_noise_does_not_lead_it_astray():
    """Figures that are 3 % off, told as they are measured."""
    ordinals, times = SPACES["additive"](0)
    some = ordinals[:, -1] == 0
    space, times = Space(configs(ordinals[some])), times[some]
    rng = np.random.default_rng(0)
    best = []
    for seed in range(5):
        strategy, found = make("model", space, seed), []
        for _ in range(60):
            index = strategy.ask()
            found.append(times[index])
            noisy = times[index] * math.exp(0.03 * rng.standard_normal())
            strategy.tell(index, None if np.isnan(noisy) else noisy)
        best.append(np.nanmin(found) / np.nanmin(times))
    assert statistics.median(best) < 1.05


def test_a_climb_goes_to_faster_neighbours_only():
    space = Space(configs(grid((5, 5))))
    strategy, costs = make("climb", space), {}
    while 0 not in costs:
        index = strategy.ask()
        if costs:
            assert index in space.neighbours(min(costs, key=costs.get))
        costs[index] = float(space.ordinals[index].sum() + 1)
        strategy.tell(index, costs[index])
    assert len(costs) < 20


def test_neighbours_and_ordinals():
    space = Space([{"a": 16, "b": True}, {"a": 2, "b": True}, {"a": 16}, {"a": 2, "b": "x"}])
    assert space.neighbours(0) == [1, 2]
    assert space.ordinals.tolist() == [[1, 1], [0, 1], [1, 0], [0, 2]]
    assert space.find({"b": True, "a": 2}) == 1
    assert space.find({"b": 1, "a": 2}) is None


def test_the_surrogate_interpolates():
    ordinals = grid((9, 3))
    times = np.log(1 + (ordinals[:, 0] - 6) ** 2 + ordinals[:, 1])
    figures = (times - times.mean()) / times.std()
    known = [*range(0, 27, 2)]
    surrogate = Surrogate(ordinals)
    for index in known:
        surrogate.add(index)
    surrogate.fit(figures[known], np.random.default_rng(0))
    mean, deviation = surrogate.predict(figures[known])
    assert np.abs(mean[known] - figures[known]).max() < 0.2
    rest = [i for i in range(27) if i not in known]
    assert np.corrcoef(mean[rest], figures[rest])[0, 1] > 0.9
    assert deviation[known].max() < deviation[rest].min()
    assert len(known) > FIRST
