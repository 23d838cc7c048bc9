"""Time several things in turn, round after round, so that they can be compared.

A shared machine's speed drifts by a factor of two within seconds. Things timed one after the other
then differ for reasons that are not theirs. Here every round takes one sample of each entrant, in
random order; a ratio is taken round by round and its median reported.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from truetpot.runtime.device import Device, Timing
from truetpot.runtime.distributed import agreed
from truetpot.runtime.distributed.group import current
from truetpot.stats import Samples, Stop, Stopping, StopRule, Submitted

Call = Callable[[], Any]

_RULES = tuple(Stop)
PAIR_COSTS = 100
"""A bracket is at least this many times the cost of taking a time around nothing."""
MOST_CALLS = 10_000
"""Calls in one bracket at most."""
MOST_IN_GRAPH = 512
"""Calls in one captured graph at most, where it has to be longer than going round once."""


@dataclass
class Entrant(Samples):
    """Something to time: calls that do the same work on different memory, taken in turn.

    ``per_sample`` is raised in the warm-up where the device's clock is too coarse for a bracket.
    """

    calls: Sequence[Call] = ()
    elapsed: bool = field(default=False, kw_only=True)
    """Whether idle gaps between launches belong to the time, as they do in a whole step."""
    eager: bool = field(default=False, kw_only=True)
    """Never as a captured graph: the host submits every call."""
    together: bool = field(default=False, kw_only=True)
    """Whether no rank can finish it alone: all start a sample at the same time."""
    captured: Call | None = field(default=None, kw_only=True)
    """All the calls as one submission, where the device has graphs."""
    _in_graph: int = field(default=1, kw_only=True)
    _next: int = field(default=0, kw_only=True)

    def take(self, device: Device) -> Timing:
        """One bracket of ``per_sample`` calls; of whole replays where they are captured."""
        if self.together:
            group = current()
            group.barrier()
            with group.waiting():
                return self._take(device)
        return self._take(device)

    def _take(self, device: Device) -> Timing:
        if self.captured is not None:
            replays = -(-self.per_sample // self._in_graph)
            return device.time_replays(self.captured, replays).over(self._in_graph)
        calls = [
            self.calls[(self._next + i) % len(self.calls)] for i in range(self.per_sample)
        ]
        self._next = (self._next + self.per_sample) % len(self.calls)
        return device.time_calls(calls, elapsed=self.elapsed)

    def capture(self, device: Device, times: int = 1) -> None:
        """All calls, ``times`` over, as one submission, where every rank can."""
        captured = device.capture([*self.calls] * times)
        self.captured = captured if current().least(captured is not None) else None
        self.submitted = Submitted.EAGER if self.captured is None else Submitted.GRAPH
        self._in_graph = len(self.calls) * times

    def lead_in(self, device: Device) -> None:
        """Untimed calls for the device's ``settle_s``, on memory that the sample does not use.

        Another library's threads go on spinning for some milliseconds after their last call: the
        sample of whatever comes next would pay for them. A long one does not feel it.
        """
        if self.together:  # each rank would lead in with another number of calls
            return
        if self.wall_s and self.wall_s[-1] * self.per_sample > 20 * device.settle_s:
            return
        end = time.perf_counter() + device.settle_s
        while self.calls and time.perf_counter() < end:
            self.calls[self._next]()
            self._next = (self._next + 1) % len(self.calls)

    def add(self, timing: Timing) -> None:
        """Keep a sample."""
        self.device_s.append(timing.device_s)
        self.wall_s.append(timing.wall_s)
        self.enqueue_s.append(timing.enqueue_s)

    def release(self) -> None:
        """Let go of the calls, and of the memory that they hold."""
        self.calls, self.captured = (), None

    def drop_half_a_sample(self) -> None:
        """What an interrupt within :meth:`add` left: one clock's reading without the others'."""
        whole = len(self.enqueue_s)
        del self.device_s[whole:], self.wall_s[whole:]


def race(
    entrants: Sequence[Entrant],
    device: Device,
    rule: StopRule,
    on_round: Callable[[float], None] | None = None,
) -> bool:
    """Fill the entrants with samples until the rule ends it. False if the user interrupted.

    ``on_round`` is told the share of the budget that is used, 0 to 1. Each entrant's ``stop`` says
    which rule ended it: ``noise``, ``time``, ``count`` or ``interrupted``. Of several ranks the
    first decides, as all must take the same samples.
    """
    group = current()
    try:
        _warm_up(entrants, device, rule)
        order = list(entrants)
        shuffle = random.Random(0).shuffle
        start = time.perf_counter()
        rounds, stopping = 0, Stopping(rule)
        while True:
            shuffle(order)
            for entrant in order:
                entrant.lead_in(device)
                entrant.add(entrant.take(device))
            rounds += 1
            used = group.agree(time.perf_counter() - start)
            group.progress()
            if on_round is not None:
                on_round(min(1.0, used / rule.seconds))
            reason = stopping.after(rounds, used, (one.stats.noise for one in entrants))
            reason = _RULES[int(group.agree(_RULES.index(reason)))]
            if reason:
                for entrant in entrants:
                    entrant.stop = reason
                return True
    except KeyboardInterrupt:
        for entrant in entrants:
            entrant.stop = Stop.INTERRUPTED
            entrant.drop_half_a_sample()
        return False


def _warm_up(entrants: Sequence[Entrant], device: Device, rule: StopRule) -> None:
    """Run everything for ``warmup_s`` in all, at least twice; capture it, and size the brackets."""
    group = current()
    # every rank's bracket is to be long enough: the dearest clock and the fastest card decide
    shortest = group.most(PAIR_COSTS * device.clock().empty_pair_s)
    graphs = agreed.graphs(device)
    for entrant in entrants:
        entrant.take(device)  # compiles
        if graphs and not entrant.eager:
            for call in entrant.calls:
                call()
            entrant.capture(device)
        while True:
            timing = entrant.take(device)
            each = max(group.least(timing.device_s), 1e-9)
            if each * entrant.per_sample >= shortest or entrant.per_sample >= MOST_CALLS:
                break
            wanted = -(-shortest * 1.5 // each)
            entrant.per_sample = int(min(MOST_CALLS, max(2 * entrant.per_sample, wanted)))
            if entrant.captured is not None and not entrant.elapsed:
                # submitting a short graph takes longer than its kernels do
                times = min(entrant.per_sample, MOST_IN_GRAPH) // len(entrant.calls)
                entrant.capture(device, max(1, times))
    end = time.perf_counter() + rule.warmup_s
    while group.agree(time.perf_counter() < end):
        for entrant in entrants:
            entrant.take(device)
