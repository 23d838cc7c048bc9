"""A race of captured calls: graphs neither too short nor too long, a sample is of one call."""

import time
from functools import partial

import pytest

from truetpot.measure.entrant import Entrant
from truetpot.measure.race import GRAPH_S, MOST_IN_GRAPH, race
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import ClockInfo, Timing
from truetpot.stats import StopRule

RULE = StopRule(noise=1.0, seconds=1.0, min_samples=2, warmup_s=0.0)
PAIR_S = 1e-6


class Graphs(type(choose_device("cpu"))):
    """The CPU with graphs, and a clock by which a call takes ``call_s``."""

    graphs, settle_s = True, 0.0

    def __init__(self, call_s):
        super().__init__()
        self.call_s, self.lengths, self.ran = call_s, [], 0

    def call(self):
        self.ran += 1

    def clock(self):
        return ClockInfo("by hand", PAIR_S)

    def time_calls(self, calls, *, elapsed=False):
        before = self.ran
        for call in calls:
            call()
        each = (self.ran - before) * self.call_s / len(calls)
        return Timing(each, each * 1.1, each / 10)

    def capture(self, calls):
        held = list(calls)
        self.lengths.append(len(held))
        return lambda: [call() for call in held]


@pytest.mark.parametrize(
    ("calls", "call_s", "most"),
    [(64, 1e-5, 64), (1, 1e-6, 100), (3, 1e-6, 100), (1, 1e-8, MOST_IN_GRAPH), (1, 1.0, 1)],
)
def test_a_graph_is_as_long_as_a_bracket_has_to_be(calls, call_s, most):
    device = Graphs(call_s)
    entrant = Entrant("one", [device.call] * calls)
    assert race([entrant], device, RULE)
    assert device.lengths[0] == calls
    assert most * 0.9 < device.lengths[-1] <= max(most * 1.5 + calls, calls)
    assert device.lengths[-1] <= max(MOST_IN_GRAPH, calls)
    assert all(sample == pytest.approx(call_s) for sample in entrant.device_s)


def test_a_whole_step_is_captured_once():
    device = Graphs(1e-7)
    entrant = Entrant("step", [device.call], elapsed=True)
    assert race([entrant], device, RULE)
    assert device.lengths == [1]
    assert entrant.device_s[-1] == pytest.approx(1e-7)


def test_a_sample_of_slow_calls_does_not_go_round_all_copies():
    """As many as take :data:`GRAPH_S`; the next sample goes on behind them."""
    device, called = Graphs(GRAPH_S), []

    def call(copy):
        called.append(copy)
        time.sleep(GRAPH_S)
        device.call()

    rounds = 10
    rule = StopRule(noise=1.0, seconds=0.0, min_samples=rounds, warmup_s=0.0)
    entrant = Entrant("slow", [partial(call, copy) for copy in range(64)])
    assert race([entrant], device, rule)
    assert device.lengths == [1] * 64
    before = 2  # what compiles, and what sizes the graphs; then one more sizes the bracket
    assert called[before:] == [*range(rounds + 1)]
    assert entrant.last == rounds and entrant.captured.last == rounds
    assert all(sample == pytest.approx(GRAPH_S) for sample in entrant.device_s)


@pytest.mark.parametrize("calls", [MOST_IN_GRAPH, MOST_IN_GRAPH + 1, 1024, 1300])
def test_a_graph_has_no_more_calls_than_are_allowed(calls):
    device = Graphs(1e-6)
    entrant = Entrant("many", [device.call] * calls)
    assert race([entrant], device, RULE)
    assert max(device.lengths) <= MOST_IN_GRAPH
    assert len({*device.lengths}) == 1, "a sample is of as many calls as any other"
    left_out = calls - sum(device.lengths)
    assert 0 <= left_out < len(device.lengths)
    assert entrant.times == 1
    assert all(sample == pytest.approx(1e-6) for sample in entrant.device_s)
