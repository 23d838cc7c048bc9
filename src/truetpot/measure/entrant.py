"""Something to time: calls that do the same work on different memory, and the samples of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from truetpot.ops.guard import who
from truetpot.ops.registry import Kernel
from truetpot.runtime.device import Device, Timing
from truetpot.stats import Samples, Submitted

Call = Callable[[], Any]


@dataclass(frozen=True)
class Graph:
    """Some of an entrant's calls as one submission."""

    replay: Call
    result: Any
    """What the last of them returned, with ``also``: a replay writes there."""
    last: int
    """Which of the entrant's calls that is."""


@dataclass
class Entrant(Samples):
    """What takes part in a race: calls that do the same work on different memory, taken in turn.

    ``per_sample`` is raised in the warm-up where the device's clock is too coarse for a bracket.
    """

    calls: Sequence[Call] = ()
    elapsed: bool = field(default=False, kw_only=True)
    """Whether idle gaps between launches belong to the time, as they do in a whole step."""
    eager: bool = field(default=False, kw_only=True)
    """Never as a captured graph: the host submits every call."""
    together: bool = field(default=False, kw_only=True)
    """Whether no rank can finish it alone: all start a sample at the same time."""
    kernel: Kernel | None = field(default=None, kw_only=True)
    """Whose calls they are, where they are one kernel's."""
    suspects: str = field(default="", kw_only=True)
    """Names of the kernels that are not ours, where the calls run several."""
    check_again: Callable[[], str] = field(default=str, kw_only=True)
    """What is wrong with the calls after the race, in one line; empty where nothing is."""
    also: Callable[[], Any] | None = field(default=None, kw_only=True)
    """What a captured call leaves beside what it returns, asked for when it is captured."""
    graphs: Sequence[Graph] = field(default=(), kw_only=True)
    """The calls as one submission or several, replayed in turn, where the device has graphs."""
    _in_graph: int = field(default=1, kw_only=True)
    times: int = field(default=1, kw_only=True)
    """How often each call is in its graph."""
    _next: int = field(default=0, kw_only=True)
    _turn: int = field(default=0, kw_only=True)
    """Which call, and which graph, is to be timed next."""

    def take(self, device: Device) -> Timing:
        """One bracket of ``per_sample`` calls; of whole replays where they are captured."""
        if self.together:
            group = device.group
            group.barrier()
            with group.waiting():
                return self._take(device)
        return self._take(device)

    def _take(self, device: Device) -> Timing:
        if self.graphs:
            replays = -(-self.per_sample // self._in_graph)
            return device.time_replays(self._replay, replays).over(self._in_graph)
        calls = [self.calls[(self._next + i) % len(self.calls)] for i in range(self.per_sample)]
        self._next = (self._next + self.per_sample) % len(self.calls)
        return device.time_calls(calls, elapsed=self.elapsed)

    def _replay(self) -> None:
        graph = self.graphs[self._turn]
        self._turn = (self._turn + 1) % len(self.graphs)
        graph.replay()

    def capture(self, device: Device, size: int, times: int = 1) -> None:
        """All calls as graphs of ``size`` calls, ``times`` over, where every rank can.

        Of a rest that fills no graph the calls are left out: a sample is of as many as any other.
        """
        ends = range(size, len(self.calls) + 1, size)
        made = [self._graph(device, end - size, end, times) for end in ends]
        graphs = [graph for graph in made if graph is not None]
        self.graphs = graphs if device.group.least(len(graphs) == len(made)) else ()
        self.submitted = Submitted.GRAPH if self.graphs else Submitted.EAGER
        self._in_graph, self.times, self._turn = size * times, times, 0

    def _graph(self, device: Device, start: int, end: int, times: int) -> Graph | None:
        calls = [*self.calls[start:end]] * times
        # the results of all others are dropped as they are made, as they are outside of a graph
        last: Call = calls[-1]
        results: list[Any] = []

        def kept() -> Any:
            results.append(last())
            return results[-1]

        replay = device.capture([*calls[:-1], kept])
        if replay is None:
            return None
        result = results[0] if results else None
        if self.also is not None:
            result = (result, self.also())
        return Graph(replay, result, end - 1)

    @property
    def about(self) -> str:
        """Whose code runs in the calls, where it is not ours, for a supervisor."""
        return self.suspects or ("" if self.kernel is None else who(self.kernel))

    @property
    def captured(self) -> Graph | None:
        """The graph that was timed last; None where the host submits every call."""
        return self.graphs[self._turn - 1] if self.graphs else None

    @property
    def last(self) -> int:
        """Which of the calls was timed last."""
        return self._next - 1 if self.captured is None else self.captured.last

    @property
    def sizes(self) -> tuple[str, int, int, int]:
        """Whose a sample is, calls in it, how often each is in a graph, and how many graphs."""
        return self.name, self.per_sample, self.times, len(self.graphs)

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
        """Keep one more sample of it."""
        self.device_s.append(timing.device_s)
        self.wall_s.append(timing.wall_s)
        self.enqueue_s.append(timing.enqueue_s)

    def samples(self) -> Samples:
        """What was timed, without the calls."""
        return Samples(**{one.name: getattr(self, one.name) for one in fields(Samples)})

    def release(self) -> None:
        """Let go of the calls, and of the memory that they hold."""
        self.calls, self.graphs, self.kernel = (), (), None
        self.check_again = str

    def drop_half_a_sample(self) -> None:
        """What an interrupt within :meth:`add` left: one clock's reading without the others'."""
        whole = len(self.enqueue_s)
        del self.device_s[whole:], self.wall_s[whole:]
