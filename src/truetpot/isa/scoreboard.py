"""A stretch of code run by one thread alone: how long it takes, and what it has under way at once.

An instruction issues when those before it have, and when what it waits for has come: compilers
write into every instruction which results that are. Nothing else runs on the engine.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from truetpot.facts.issue_rates import IssueRates
from truetpot.facts.latencies import Latencies
from truetpot.isa.assembly import Instruction
from truetpot.isa.message import Message
from truetpot.isa.model import vector_clocks

_DISTANCE = re.compile(r"^([AFILM]?)@(\d+)$")
_TOKEN = re.compile(r"^\$(\d+)(\.dst|\.src)?$")


@dataclass(frozen=True)
class Alone:
    """Clocks of one iteration of a thread alone, in the steady state."""

    clocks: float
    in_flight: int
    """The most bytes of memory that are asked for and not yet waited for."""


class _Thread:
    """The time of one thread, and what is under way."""

    def __init__(self, rates: IssueRates, latencies: Latencies) -> None:
        self.rates, self.latencies = rates, latencies
        self.time = 0.0
        self.pipes: dict[str, list[float]] = defaultdict(list)
        self.tokens: dict[int, float] = {}
        self.flying: dict[int, int] = {}
        self.accumulator = 0.0
        self.most = 0

    def wait(self, one: Instruction) -> None:
        """For the results that it needs."""
        for word in one.tokens:
            if found := _DISTANCE.match(word):
                self._behind(found[1], int(found[2]))
            elif (found := _TOKEN.match(word)) and (
                found[2] == ".dst" or (one.op == "sync.allwr" and not found[2])
            ):
                self._landed(int(found[1]))
        if one.op == "sync.allwr" and not any(w.startswith("$") for w in one.tokens):
            for token in list(self.tokens):
                self._landed(token)
        if any(o.file == "acc" for o in one.sources):
            self.time = max(self.time, self.accumulator)

    def _behind(self, pipe: str, distance: int) -> None:
        which = [self.pipes[pipe]] if pipe in "FILM" and pipe else list(self.pipes.values())
        for done in which:
            if len(done) >= distance:
                self.time = max(self.time, done[-distance])

    def _landed(self, token: int) -> None:
        self.time = max(self.time, self.tokens.get(token, 0.0))
        self.flying.pop(token, None)

    def issue(self, one: Instruction, message: Message | None, streamed: int, cached: bool) -> None:
        """Take its clocks, and note when its result is there."""
        lat = self.latencies
        self.time += vector_clocks(one, self.rates)
        token = next((int(f[1]) for w in one.tokens if (f := _TOKEN.match(w)) and not f[2]), None)
        if message is not None:
            self._send(message, token, streamed, cached)
        elif one.kind == "dpas":
            rows = int(one.op.rpartition("x")[2])
            if token is not None:
                self.tokens[token] = self.time + lat.dpas_clocks + rows - 1
        elif one.kind in ("float", "integer", "math"):
            taken = lat.math_clocks if one.kind == "math" else lat.float_clocks
            pipe = {"float": "F", "integer": "I", "math": "M"}[one.kind]
            self.pipes[pipe].append(self.time + taken)
            if one.kind == "math" and token is not None:
                self.tokens[token] = self.time + taken
            if one.dst is not None and one.dst.file == "acc":
                self.accumulator = self.time + lat.accumulator_clocks
        elif one.op == "sync.bar":
            self.time += lat.barrier_clocks
        elif one.op.endswith(".b") and one.labels:
            self.time += lat.branch_clocks

    def _send(self, message: Message, token: int | None, streamed: int, cached: bool) -> None:
        if token is None:
            return
        lat = self.latencies
        if message.space == "slm":
            taken: float = lat.local_clocks
        elif message.verb == "load" and not cached:
            taken = lat.memory_ns * self.rates.clock_ghz
        else:
            taken = lat.cached_clocks
        self.tokens[token] = self.time + taken
        if streamed and message.verb == "load":
            self.flying[token] = streamed
            self.most = max(self.most, sum(self.flying.values()))


def alone(
    instructions: Sequence[tuple[int, Instruction]],
    sends: Sequence[Message | None],
    streamed: Mapping[int, int],
    loops: bool,
    rates: IssueRates,
    latencies: Latencies,
) -> Alone:
    """One iteration of a loop that goes on, or code that is run once.

    `instructions` with their indices; `streamed` has the bytes of those loads that memory serves.
    """
    thread = _Thread(rates, latencies)
    start = 0.0
    for _ in range(3 if loops else 1):
        start = thread.time
        for index, one in instructions:
            message = sends[index]
            thread.wait(one)
            thread.issue(one, message, streamed.get(index, 0), index not in streamed)
    return Alone(thread.time - start, thread.most)
