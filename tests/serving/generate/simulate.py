"""A server with continuous batching and a client that loads it, step by step.

Prefills wait in one queue, first come, first served; each takes a time in proportion to the tokens
that are not cached, beside the decode steps (on cards of its own) or, where it blocks, instead of
them. The sequences of a batch get their tokens together, at the end of a step, and a sequence joins
with its first token at the end of a step.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tests.serving.generate.served import Pace, Request, Scenario, Served


def scenario(random: np.random.Generator) -> Scenario:
    """An honest load and an honest server, at random."""
    output = round(_log(random, 24, 400))
    # some seconds each: "brief" has the runs that are shorter
    base_s = _log(random, max(0.005, 1.5 / output), 0.1)
    n = round(_log(random, 2, 48))
    pace = Pace(
        base_s=base_s,
        per_sequence=random.uniform(0, 0.03),
        per_context=random.uniform(0, 2e-5),
        noise=random.uniform(0.01, 0.05),
        prefill_s=base_s / _log(random, 20, 200),
    )
    prompt = round(_log(random, 32, 4096))
    lengths = str(random.choice(["fixed", "uniform", "log-normal"]))
    outputs = {
        "fixed": np.full(n, output),
        "uniform": random.integers(output // 2, output + 1, n),
        "log-normal": np.clip(random.lognormal(math.log(output), 0.4, n), 8, 1024),
    }[lengths].astype(np.int64)
    prompts = (
        np.full(n, prompt)
        if random.random() < 0.5
        else random.integers(max(8, prompt // 2), prompt + 1, n)
    )
    load = random.choice(["closed", "poisson", "at once"])
    decode_s = output * base_s
    most = min(0.8 / (prompt * pace.prefill_s), 32 / decode_s)
    return Scenario(
        prompts=prompts.astype(np.int64),
        outputs=outputs,
        lengths=lengths,
        pace=pace,
        concurrency=int(random.integers(1, min(n, 32) + 1)) if load == "closed" else None,
        rate=most * random.uniform(0.2, 1) if load == "poisson" else math.inf,
    )


def serve(asked: Scenario, random: np.random.Generator) -> Served:
    """The run. One message a token, one token in the first message."""
    server = _Server(asked, random)
    server.run()
    requests = tuple(_request(asked, row, random) for row in server.rows)
    end = max(request.done for request in requests)
    return Served(
        scenario=asked,
        requests=requests,
        batch=server.weighted / server.busy,
        tokens_batch=server.squared / server.weighted,
        step_s=server.weighted / server.sequence_steps,
        duration=end + random.uniform(0.0005, 0.005),
    )


@dataclass
class _Row:
    prompt: int
    output: int
    sent: float
    began: float = 0.0
    ready: float = 0.0
    """When its prefill ends."""
    times: list[float] = field(default_factory=list)
    """Of the prefill's end and of each step that gave it tokens."""
    counts: list[int] = field(default_factory=list)
    """Tokens of each."""
    decoded: int = 0

    def got(self, now: float, tokens: int) -> None:
        tokens = min(tokens, self.output - self.decoded)
        self.times.append(now)
        self.counts.append(tokens)
        self.decoded += tokens


class _Server:
    def __init__(self, asked: Scenario, random: np.random.Generator) -> None:
        self.asked, self.random = asked, random
        self.rows: list[_Row] = []
        self.waiting: deque[_Row] = deque()
        self.active: list[_Row] = []
        self.now = self.prefill_free = 0.0
        self.busy = self.weighted = self.squared = 0.0
        """Seconds of steps, times their sequences, and times these once more."""
        self.sequence_steps = 0

    def run(self) -> None:
        for at in self.arrivals():
            self.send(at)
        while self.waiting or self.active:
            if self.asked.blocking and self.waiting and self.waiting[0].sent <= self.now:
                self.waiting[0].began = self.now
                self.now += self.prefill_s(self.waiting[0])
                self.join(self.waiting.popleft())
            elif self.active:
                self.step()
            elif self.asked.blocking:
                self.now = self.waiting[0].sent
            else:
                self.now = max(self.now, self.waiting[0].ready)
            while not self.asked.blocking and self.waiting and self.waiting[0].ready <= self.now:
                self.join(self.waiting.popleft())

    def arrivals(self) -> list[float]:
        asked, n = self.asked, len(self.asked.prompts)
        if asked.concurrency is not None:
            return [0.0] * min(n, asked.concurrency)
        if math.isinf(asked.rate):
            return [0.0] * n
        # as vLLM's client has it: the gaps are scaled so that all are sent within n / rate
        gaps = self.random.exponential(1.0, n)
        return [float(at) for at in np.cumsum(gaps) * (n / asked.rate / gaps.sum())]

    def send(self, at: float) -> None:
        """The next request. Where prefills do not block, its own is planned at once."""
        i = len(self.rows)
        row = _Row(int(self.asked.prompts[i]), int(self.asked.outputs[i]), at)
        row.began = max(at, self.prefill_free)
        row.ready = self.prefill_free = row.began + self.prefill_s(row)
        self.rows.append(row)
        self.waiting.append(row)

    def prefill_s(self, row: _Row) -> float:
        """A pass over the weights at least, so never less than a step."""
        pace = self.asked.pace
        return pace.base_s + row.prompt * (1 - self.asked.cached) * pace.prefill_s

    def step(self) -> None:
        pace, active = self.asked.pace, self.active
        context = sum(row.prompt + row.decoded for row in active) / len(active)
        noise = max(0.5, self.random.normal(1.0, pace.noise))
        took = pace.step_s(context, len(active)) * noise
        self.now += took
        self.weighted += took * len(active)
        self.squared += took * len(active) ** 2
        self.busy += took
        self.sequence_steps += len(active)
        for row in active:
            row.got(self.now, self.tokens())
        self.active = []
        for row in active:
            self.go_on(row)

    def tokens(self) -> int:
        """Of one sequence in one step: a draft is accepted up to its first wrong token."""
        mean = self.asked.tokens_a_step
        return 1 if mean <= 1 else min(8, int(self.random.geometric(1 / mean)))

    def join(self, row: _Row) -> None:
        row.got(self.now, 1)
        self.go_on(row)

    def go_on(self, row: _Row) -> None:
        """Or end; then a client with a fixed concurrency sends the next one."""
        if row.decoded < row.output:
            self.active.append(row)
        elif self.asked.concurrency is not None and len(self.rows) < len(self.asked.prompts):
            self.send(self.now + self.random.uniform(1e-4, 5e-4))


def _request(asked: Scenario, row: _Row, random: np.random.Generator) -> Request:
    counts = np.array(row.counts, np.int64)
    at = np.repeat(np.array(row.times), counts)
    ones = np.ones(row.decoded, np.int64)
    return Request(
        prompt=row.prompt,
        asked=row.output,
        sent=row.sent,
        began=row.began,
        first=row.times[0],
        last=row.times[-1],
        decoded=row.decoded,
        steps=len(row.times) - 1,
        at=at,
        tokens=ones,
        shown=ones,
        done=row.times[-1] + random.uniform(1e-4, 1e-3),
        cached=round(row.prompt * asked.cached),
    )


def _log(random: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform."""
    return math.exp(random.uniform(math.log(low), math.log(high)))
