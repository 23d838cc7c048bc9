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
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from truetpot.errors import KernelError
from truetpot.measure.entrant import Entrant
from truetpot.ops.guard import fault_line, still_there, told_interrupts
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed
from truetpot.runtime.running import encoded, position
from truetpot.stats import Stop, Stopping, StopRule

_RULES = tuple(Stop)
PAIR_COSTS = 100
"""A bracket is at least this many times the cost of taking a time around nothing."""
MOST_CALLS = 10_000
"""Calls in one bracket at most."""
MOST_IN_GRAPH = 512
"""Calls in one captured graph at most."""
GRAPH_S = 0.05
"""Seconds after which a graph is long enough, submitted by the host: then there are several, and a
sample of a slow kernel with many copies need not go round all of them."""


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
            field = _Field(list(entrants), device, interrupted, go_on)
            _warm_up(field, device, rule)
            device.group.same([one.sizes for one in field.running], "calls in a sample")
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
    device: Device
    interrupted: Callable[[], bool]
    go_on: Callable[[Entrant], bool]
    over: bool = False

    def lose(self, entrant: Entrant, error: BaseException, doing: str = "") -> None:
        """Take one out for what it raised. Raises that, if it is the user's interrupt."""
        if isinstance(error, KeyboardInterrupt) and self.interrupted():
            raise error
        said = f"{doing}{fault_line(error)}"
        if self.device.group.size > 1:
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
    group, order = device.group, list(field.running)
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
    group, enter = device.group, _teller(field.running)
    # every rank's bracket is to be long enough: the dearest clock and the fastest card decide
    shortest = group.most(PAIR_COSTS * device.clock().empty_pair_s)
    graphs = agreed.graphs(device)

    def each(do: Callable[[Entrant], Any]) -> None:
        for entrant in list(field.running):
            if enter is not None:
                enter(entrant)
            try:
                do(entrant)
            except BaseException as error:  # noqa: BLE001
                field.lose(entrant, error, "in the warm-up, ")

    each(lambda entrant: _size(entrant, device, shortest, graphs=graphs))
    end = time.perf_counter() + rule.warmup_s
    while group.agree(time.perf_counter() < end) and field.running:
        each(lambda entrant: entrant.take(device))


def _size(entrant: Entrant, device: Device, shortest: float, *, graphs: bool) -> None:
    """Compile and capture the calls, and put as many into a bracket as it takes to be timed."""
    group = device.group
    entrant.take(device)  # compiles
    if graphs and not entrant.eager:
        entrant.capture(device, _graph_size(len(entrant.calls), _run(entrant, device)))
    while True:
        timing = entrant.take(device)
        each = max(group.least(timing.device_s), 1e-9)
        if each * entrant.per_sample >= shortest or entrant.per_sample >= MOST_CALLS:
            return
        wanted = -(-shortest * 1.5 // each)
        entrant.per_sample = int(min(MOST_CALLS, max(2 * entrant.per_sample, wanted)))
        if len(entrant.graphs) == 1 and not entrant.elapsed:
            # submitting a short graph takes longer than its kernels do
            times = min(entrant.per_sample, MOST_IN_GRAPH) // len(entrant.calls)
            if times > entrant.times:
                entrant.capture(device, len(entrant.calls), times)


def _run(entrant: Entrant, device: Device) -> int:
    """Run the calls, one after the other until that took :data:`GRAPH_S`; how many those were."""
    group, done, start = device.group, 0, time.perf_counter()
    with group.waiting() if entrant.together else nullcontext():
        while done < len(entrant.calls):
            for call in entrant.calls[done : 2 * done + 1]:
                call()
            done = min(len(entrant.calls), 2 * done + 1)
            device.synchronize()
            if group.most(time.perf_counter() - start) >= GRAPH_S:
                break
    return done


def _graph_size(calls: int, least: int) -> int:
    """Calls in a graph: ``least`` or more, as evenly as leaves at most ``least - 1`` of all out."""
    graphs = max(calls // least, -(-calls // MOST_IN_GRAPH))
    return calls // graphs
