"""Time several things in turn, round after round, so that they can be compared.

A shared machine's speed drifts by a factor of two within seconds. Things timed one after the other
then differ for reasons that are not theirs. Here every round takes one sample of each entrant, in
random order; a ratio is taken round by round and its median reported.

What raises is out of the race, which goes on without it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from truetpot.errors import KernelError
from truetpot.ops.guard import one_line, still_there, told_interrupts, who
from truetpot.ops.registry import Kernel
from truetpot.runtime.device import Device, Timing
from truetpot.runtime.distributed.group import current
from truetpot.runtime.running import encoded, position
from truetpot.stats import Ratio, Stats, Stop, Stopping, StopRule, paired, stats

Call = Callable[[], Any]

_RULES = tuple(Stop)
PAIR_COSTS = 100
"""A bracket is at least this many times the cost of taking a time around nothing."""
MOST_CALLS = 10_000
"""Calls in one bracket at most."""
MOST_IN_GRAPH = 512
"""Calls in one captured graph at most, where it has to be longer than going round once."""


@dataclass
class Entrant:
    """Something to time: calls that do the same work on different memory, taken in turn.

    ``bytes`` of one call; ``floor_s`` is the time below which no call can be (None: not known).
    """

    name: str
    calls: Sequence[Call]
    bytes: int = 0
    floor_s: float | None = None
    device_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    enqueue_s: list[float] = field(default_factory=list)
    per_sample: int = 1
    """Calls in a bracket; raised in the warm-up where the device's clock is too coarse for it."""
    elapsed: bool = False
    """Whether idle gaps between launches belong to the time, as they do in a whole step."""
    eager: bool = False
    """Never as a captured graph: the host submits every call."""
    together: bool = False
    """Whether no rank can finish it alone: all start a sample at the same time."""
    captured: Call | None = None
    """All the calls as one submission, where the device has graphs."""
    kernel: Kernel | None = None
    """Whose calls they are, where they are one kernel's."""
    suspects: str = ""
    """Names of the kernels that are not ours, where the calls run several."""
    fault: str = ""
    """What the calls raised, which ended this one's race, in one line."""
    check_again: Callable[[], str] = str
    """What is wrong with the calls after the race, in one line; empty where nothing is."""
    also: Callable[[], Any] | None = None
    """What a captured call leaves beside what it returns, asked for when it is captured."""
    result: Any = None
    """What the last of the captured calls returned, with ``also``: a replay writes there."""
    stop: Stop = Stop.RUNNING
    _in_graph: int = 1
    _next: int = 0
    _submitted: str = ""

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
        calls = [*self.calls] * times
        # the results of all others are dropped as they are made, as they are outside of a graph
        last: Call = calls[-1]
        results: list[Any] = []

        def kept() -> Any:
            results.append(last())
            return results[-1]

        captured = device.capture([*calls[:-1], kept])
        self.captured = captured if current().least(captured is not None) else None
        self._in_graph = len(calls)
        self.result = results[0] if results else None
        if self.also is not None:
            self.result = (self.result, self.also())

    @property
    def about(self) -> str:
        """Whose code runs in the calls, where it is not ours, for a supervisor."""
        return self.suspects or ("" if self.kernel is None else who(self.kernel))

    @property
    def times(self) -> int:
        """How often each call is in the captured graph."""
        return self._in_graph // len(self.calls)

    @property
    def last(self) -> int:
        """Which of the calls was timed last."""
        return len(self.calls) - 1 if self.captured is not None else self._next - 1

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
        self._submitted, self.calls, self.captured = self.submitted, (), None
        self.result = self.kernel = None
        self.check_again = str

    def drop_half_a_sample(self) -> None:
        """What an interrupt within :meth:`add` left: one clock's reading without the others'."""
        whole = len(self.enqueue_s)
        del self.device_s[whole:], self.wall_s[whole:]

    @property
    def submitted(self) -> str:
        """``graph`` or ``eager``."""
        return self._submitted or ("eager" if self.captured is None else "graph")

    @property
    def stats(self) -> Stats:
        """Of the device's time."""
        return stats(self.device_s)

    @property
    def wall(self) -> Stats:
        """Of the host's time."""
        return stats(self.wall_s)

    @property
    def bandwidth(self) -> float:
        """Bytes a second at the median."""
        return self.bytes / self.stats.median_s

    def impossible(self) -> str | None:
        """Why the run is invalid, if one sample cannot be true; no sample is ever dropped."""
        # the two clocks are read at slightly different instants: a thousandth is no contradiction
        for device_s, wall_s in zip(self.device_s, self.wall_s, strict=True):
            if wall_s < device_s * 0.999:
                return f"a sample took {device_s:.3g} s on the device, {wall_s:.3g} s on the host"
            if device_s <= 0:
                return f"a sample took {device_s:.3g} s"
        if self.floor_s is not None and (fastest := min(self.device_s)) < self.floor_s:
            return (
                f"a sample took {fastest:.4g} s and the datasheet's bandwidth allows no less than "
                f"{self.floor_s:.4g} s"
            )
        return None

    def shares(self, ceiling: Entrant) -> np.ndarray:
        """This entrant's bandwidth over the ceiling's, round by round [rounds]."""
        rounds = min(len(self.device_s), len(ceiling.device_s))
        mine = self.bytes / np.asarray(self.device_s[:rounds])
        best = ceiling.bytes / np.asarray(ceiling.device_s[:rounds])
        return np.asarray(mine / best)

    def share_of(self, ceiling: Entrant) -> float:
        """Median of :meth:`shares`."""
        return float(np.median(self.shares(ceiling)))


def ratio(a: Entrant, b: Entrant) -> Ratio:
    """a's time over b's, round by round."""
    return paired(a.device_s, b.device_s)


def race(
    entrants: Sequence[Entrant],
    device: Device,
    rule: StopRule,
    on_round: Callable[[float], None] | None = None,
    go_on: Callable[[Entrant], bool] = lambda lost: True,
) -> bool:
    """Fill the entrants with samples until the rule ends it. False if the user interrupted.

    ``on_round`` is told the share of the budget that is used, 0 to 1. Each entrant's ``stop`` says
    which rule ended it: ``noise``, ``time``, ``count``, ``fault`` or ``interrupted``. An entrant
    whose calls raise has that as its ``fault``, and ``go_on`` says whether the others are still
    worth the time. Of several ranks the first decides, as all must take the same samples; one whose
    kernel raises cannot go on by itself, and raises KernelError.
    """
    try:
        with told_interrupts() as interrupted:
            field = _Field(list(entrants), interrupted, go_on)
            _warm_up(field, device, rule)
            _rounds(field, device, rule, on_round)
            return True
    except KeyboardInterrupt:
        for entrant in entrants:
            entrant.stop = Stop.INTERRUPTED
            entrant.drop_half_a_sample()
        return False
    finally:
        if (here := position()) is not None:
            here.leave()


@dataclass
class _Field:
    """Who is still in the race."""

    running: list[Entrant]
    interrupted: Callable[[], bool]
    go_on: Callable[[Entrant], bool]
    over: bool = False

    def lose(self, entrant: Entrant, error: BaseException, doing: str = "") -> None:
        """Take one out for what it raised. Raises that, if it is the user's interrupt."""
        if isinstance(error, KeyboardInterrupt) and self.interrupted():
            raise error
        said = f"{doing}{one_line(error)}"
        if current().size > 1:
            raise KernelError(f"{entrant.name}: {said}") from error
        entrant.fault, entrant.stop = said, Stop.FAULT
        entrant.drop_half_a_sample()
        self.running.remove(entrant)
        self.over |= not self.running or not self.go_on(entrant)
        if entrant.kernel is not None:
            still_there(entrant.kernel, said)

    def end(self, reason: Stop) -> None:
        for entrant in self.running:
            entrant.stop = reason


def _rounds(
    field: _Field,
    device: Device,
    rule: StopRule,
    on_round: Callable[[float], None] | None,
) -> None:
    group, order = current(), list(field.running)
    shuffle, enter = random.Random(0).shuffle, _teller(order)
    start = time.perf_counter()
    rounds, stopping = 0, Stopping(rule)
    while not field.over:
        shuffle(order)
        for entrant in order:
            if enter is not None:
                enter(entrant)
            try:
                entrant.lead_in(device)
                entrant.add(entrant.take(device))
            except BaseException as error:  # noqa: BLE001
                field.lose(entrant, error)  # a kernel may be anyone's, and raise anything
        if len(order) > len(field.running):
            order = list(field.running)
            continue
        rounds += 1
        used = group.agree(time.perf_counter() - start)
        group.progress()
        if on_round is not None:
            on_round(min(1.0, used / rule.seconds))
        reason = stopping.after(rounds, used, (one.stats.noise for one in order))
        reason = _RULES[int(group.agree(_RULES.index(reason)))]
        if reason:
            field.end(reason)
            return
    field.end(Stop.FAULT)


def _teller(entrants: Sequence[Entrant]) -> Callable[[Entrant], Any] | None:
    """Tells a supervisor who runs; None where nobody has to be told."""
    here = position()
    if here is None:
        return None
    names = {id(one): encoded(one.about) for one in entrants if one.about}

    def enter(entrant: Entrant) -> None:
        name = names.get(id(entrant))
        if name is None:
            here.leave()
        else:
            here.enter(name)

    return enter


def _warm_up(field: _Field, device: Device, rule: StopRule) -> None:
    """Run everything for ``warmup_s`` in all, at least twice; capture it, and size the brackets."""
    group, enter = current(), _teller(field.running)
    shortest = group.agree(PAIR_COSTS * device.clock().empty_pair_s)

    def each(do: Callable[[Entrant], Any]) -> None:
        for entrant in list(field.running):
            if enter is not None:
                enter(entrant)
            try:
                do(entrant)
            except BaseException as error:  # noqa: BLE001
                field.lose(entrant, error, "in the warm-up, ")

    each(lambda entrant: _size(entrant, device, shortest))
    end = time.perf_counter() + rule.warmup_s
    while group.agree(time.perf_counter() < end) and field.running:
        each(lambda entrant: entrant.take(device))


def _size(entrant: Entrant, device: Device, shortest: float) -> None:
    """Compile and capture the calls, and put as many into a bracket as it takes to be timed."""
    group = current()
    entrant.take(device)  # compiles
    if device.graphs and not entrant.eager:
        for call in entrant.calls:
            call()
        entrant.capture(device)
    while True:
        timing = entrant.take(device)
        each = max(group.agree(timing.device_s), 1e-9)
        if each * entrant.per_sample >= shortest or entrant.per_sample >= MOST_CALLS:
            return
        wanted = -(-shortest * 1.5 // each)
        entrant.per_sample = int(min(MOST_CALLS, max(2 * entrant.per_sample, wanted)))
        if entrant.captured is not None and not entrant.elapsed:
            # submitting a short graph takes longer than its kernels do
            times = min(entrant.per_sample, MOST_IN_GRAPH) // len(entrant.calls)
            entrant.capture(device, max(1, times))
