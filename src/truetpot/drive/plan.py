"""What is asked for, and in which order: points of each server, its rounds, whose prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truetpot.drive.tokens import requests_of
from truetpot.errors import UserError

SINGLE = 4
"""Prompts of the single requests, which no point sends again."""


@dataclass(frozen=True)
class Arm:
    """A server, and the command that makes it the one that answers, if there is one."""

    name: str
    """"" where it is the only one."""
    url: str
    restart: str = ""


@dataclass(frozen=True)
class Asked:
    """What a run is asked to do: servers, prompts, points and rounds."""

    arms: tuple[Arm, ...]
    served: str | None
    inputs: tuple[int, ...]
    """Tokens of each prompt."""
    output: int
    concurrency: tuple[int, ...]
    rounds: int
    requests: int | None
    """Measured ones of a point; None for three a stream."""
    ladder: Path | None
    tokenizer: Path | None
    endpoint: str
    """``completions`` or ``chat``."""
    engine: str
    """``aiperf`` or ``guidellm``."""
    out: Path
    resume: bool
    anyway: bool
    calibrate: bool
    timeout_s: float
    """Of a request."""

    def many(self, concurrency: int) -> int:
        """Requests of a point, its warm-up included, which is one a stream."""
        return concurrency + requests_of(concurrency, self.requests)

    @property
    def prompts(self) -> int:
        """Of each length: those of the single requests, then those of each point and round."""
        return SINGLE + self.rounds * sum(map(self.many, self.concurrency))


@dataclass(frozen=True)
class Step:
    """One run of the load generator."""

    arm: Arm
    input: int
    concurrency: int
    round: int

    def folder(self, asked: Asked) -> Path:
        """Its folder below ``asked.out``, named by what varies in the run."""
        parts = [f"c{self.concurrency}"]
        if len(asked.inputs) > 1:
            parts.insert(0, f"in{self.input}")
        if self.arm.name:
            parts.insert(0, self.arm.name)
        if asked.rounds > 1:
            parts.append(f"round{self.round + 1}")
        return asked.out.joinpath(*parts)

    def own(self, asked: Asked, prompts: Sequence[str]) -> Sequence[str]:
        """Its part of the prompts of its length: no other point of this server sends them, and
        every server gets the same."""
        before = asked.concurrency[: asked.concurrency.index(self.concurrency)]
        many = asked.many(self.concurrency)
        first = SINGLE + asked.rounds * sum(map(asked.many, before)) + self.round * many
        return prompts[first : first + many]


def steps(asked: Asked) -> list[Step]:
    """All of them. Servers alternate within a point, and turn about from round to round; where one
    has to be restarted, a round goes through all points of it first."""
    found = []
    for index, (input, concurrency) in enumerate(
        (i, c) for i in asked.inputs for c in asked.concurrency
    ):
        for round in range(asked.rounds):
            arms = asked.arms if round % 2 == 0 else asked.arms[::-1]
            for turn, arm in enumerate(arms):
                step = Step(arm, input, concurrency, round)
                found.append(((index, round, turn), (round, turn, index), step))
    restarts = any(arm.restart for arm in asked.arms)
    return [step for *_, step in sorted(found, key=lambda one: one[1] if restarts else one[0])]


def arms_of(url: str | None, given: Sequence[str], restarts: Sequence[str]) -> tuple[Arm, ...]:
    """One server by its URL, or several by ``NAME=URL``, with ``NAME=COMMAND`` of some.

    Raises UserError for what is not of that form, a name that comes twice or is no folder's, and
    for neither or both.
    """
    if (url is None) == (not given):
        raise UserError("Give the URL of one server, or --arm NAME=URL for each of several.")
    if url is not None:
        if restarts:
            raise UserError("--restart is for the servers of --arm.")
        return (Arm("", url),)
    urls, commands = _pairs(given, "--arm"), _pairs(restarts, "--restart")
    if len(urls) < 2:
        raise UserError("One --arm is no comparison: give two, or the URL alone.")
    if unknown := [name for name in commands if name not in urls]:
        raise UserError(f"--restart {unknown[0]}=... names no --arm.")
    return tuple(Arm(name, at, commands.get(name, "")) for name, at in urls.items())


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not value or not name.replace("-", "").replace("_", "").isalnum():
            raise UserError(f"{option} is NAME=..., with a name of letters and digits.")
        if name in found:
            raise UserError(f"{option} {name} is given twice.")
        found[name] = value
    return found
