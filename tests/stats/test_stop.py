"""Stop rules on a clock set by hand."""

import pytest

from truetpot.stats import Stop, Stopping, StopRule

RULE = StopRule(noise=0.01, seconds=10.0, min_samples=20, max_samples=1000)
LOUD, QUIET = 0.5, 0.001


def ended(rule, seconds_a_round, noise):
    """Rounds until the rule ends a race of equal rounds, and which rule did."""
    stopping = Stopping(rule)
    rounds = 0
    while True:
        rounds += 1
        if stop := stopping.after(rounds, rounds * seconds_a_round, [noise(rounds)]):
            return rounds, stop


def test_quiet_from_the_start_takes_the_least():
    assert ended(RULE, 0.001, lambda rounds: QUIET) == (20, Stop.NOISE)


def test_the_least_is_taken_whatever_the_clock_says():
    assert ended(RULE, 60.0, lambda rounds: LOUD) == (20, Stop.TIME)


def test_time():
    assert ended(RULE, 0.25, lambda rounds: LOUD) == (40, Stop.TIME)


def test_count():
    assert ended(RULE, 1e-6, lambda rounds: LOUD) == (1000, Stop.COUNT)


def test_time_comes_before_noise_and_count():
    rule = StopRule(noise=0.01, seconds=1.0, min_samples=20, max_samples=20)
    assert ended(rule, 0.05, lambda rounds: QUIET) == (20, Stop.TIME)


@pytest.mark.parametrize("rounds", [25, 200, 900])
def test_noise_is_seen_within_a_tenth_of_the_rounds(rounds):
    stopped, stop = ended(RULE, 1e-6, lambda n: QUIET if n >= rounds else LOUD)
    assert stop is Stop.NOISE
    assert rounds <= stopped <= rounds + max(RULE.min_samples, rounds // 10)


def test_all_have_to_be_quiet():
    stopping = Stopping(RULE)
    assert stopping.after(20, 0.0, [QUIET, LOUD]) is Stop.RUNNING


def test_noise_is_not_computed_where_nobody_looks():
    stopping = Stopping(RULE)
    assert stopping.after(20, 0.0, [LOUD]) is Stop.RUNNING

    def none():
        pytest.fail("noise was computed between two looks")
        yield 0.0

    assert stopping.after(21, 0.0, none()) is Stop.RUNNING
