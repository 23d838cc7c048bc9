"""Few configurations are all looked at; of many the best is found without that."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.records.tune import Figures
from truetpot.tune.climb import FEW, most_looks, next_looks


def grid(*sizes):
    names = "abcde"[: len(sizes)]
    values = product(*(range(size) for size in sizes))
    return [dict(zip(names, value, strict=True)) for value in values]


def climb(configs, gain):
    """Every look, in order. A gain of None is a configuration that fails."""
    looks = []
    while new := next_looks(configs, looks):
        looks += [Figures(config=config, gain=gain(config)) for config in new]
    return looks


def test_each_of_a_few():
    configs = grid(FEW + 1)
    looks = climb(configs, lambda config: 1.0)
    assert [look.config for look in looks] == configs[1:]
    assert most_looks(configs) == len(looks)


@given(st.tuples(*(st.integers(0, size - 1) for size in (3, 4, 5, 4))))
def test_the_top_of_a_hill_is_found(top):
    """Wherever it is, with a third of the looks or so; none is taken twice."""
    configs = grid(3, 4, 5, 4)

    def gain(config):
        return 2 - sum(abs(a - b) for a, b in zip(config.values(), top, strict=True)) / 20

    looks = climb(configs, gain)
    seen = [tuple(look.config.values()) for look in looks]
    assert len({*seen}) == len(seen) <= len(configs) // 2
    assert top in seen or top == (0, 0, 0, 0)


def test_what_fails_is_passed_by():
    configs = grid(5, 5, 4)
    looks = climb(configs, lambda config: None if config["a"] % 2 else 1 + config["b"] / 10)
    assert max(look.gain or 0 for look in looks) == pytest.approx(1.4)


def test_parameters_of_another_function_come_by_the_sample():
    configs = grid(4, 4, 3) + [{"x": x, "y": y} for x in range(5) for y in range(5)]
    looks = climb(configs, lambda config: 1.5 + config["y"] / 10 if "y" in config else 1.0)
    assert max(look.gain for look in looks) == pytest.approx(1.9)
