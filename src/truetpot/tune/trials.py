"""The lab on a device: every configuration is checked, then raced beside the default.

A gain is a ratio of one round, so a device whose clocks drift from one configuration to the next
does not decide it. What was timed is checked again after each race, on the memory that it was timed
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from truetpot.errors import KernelError, UserError
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.entrant import Entrant
from truetpot.measure.race import race
from truetpot.ops.guard import fault_line
from truetpot.ops.registry import Config
from truetpot.records.tune import Figures
from truetpot.runtime.running import in_trial
from truetpot.stats import Ratio, StopRule
from truetpot.tune.ahead import Ahead
from truetpot.tune.bench import Bench
from truetpot.tune.figures import figures
from truetpot.tune.lab import DefaultError

Entered = list[tuple[Config, Entrant]]


class DeviceLostError(UserError):
    """Nothing more can be done in this process; a new one goes on after what caused it."""


@dataclass
class Seconds:
    """How long to time: each look, the race of the finalists, and each process."""

    look: float
    final: float
    process: float


class Trials:
    """One kernel on one case; ``alone`` times two in processes of their own.

    ``limit_s`` is after how long a trial that does not end is given up by a supervisor, if there is
    one; ``ahead`` compiles what comes next, if anything does. Raises what :class:`Bench` raises.
    """

    def __init__(
        self,
        make: Callable[[], Bench],
        default: Config,
        ceiling: Ceiling,
        seconds: Seconds,
        alone: Callable[[Config, int, float], Iterator[Ratio]],
        limit_s: float,
        ahead: Ahead | None = None,
    ) -> None:
        self._ahead = ahead
        self._make, self._default, self._ceiling = make, default, ceiling
        self._seconds, self._in_new_processes, self._limit_s = seconds, alone, limit_s
        self._made: Bench | None = None

    def prepare(self, upcoming: Callable[[int], Sequence[Config]]) -> None:
        """Compile what comes next, all of it before anything is timed."""
        if self._ahead is not None:
            self._bench()  # the copies have their memory before other processes take theirs
            self._ahead.prepare(upcoming)

    def look(self, config: Config) -> Figures:
        """A short race of one configuration; its reason where it has none."""
        for name, value in config.items():
            if not isinstance(value, str | int | float):
                kind = type(value).__name__
                return Figures(config=config, reason=f"{name} is a {kind}, which no file can keep")
        bench = self._bench()
        about = f"{bench.kernel.op.name} of {bench.kernel.provider} ({bench.prepared.case.label()})"
        with in_trial(f"{about} with {_said(config)}", self._limit_s) as fatal:
            if fatal:  # in a process before this one
                return Figures(config=config, reason=fatal)
            try:
                entered = [(config, bench.enter(config))]
                rule = _rule(self._seconds.look, noise=0.01, min_samples=10)
                look = self._race(entered, rule, go_on=lambda lost: False)[1]
            except DefaultError:
                raise
            except (KernelError, UserError) as wrong:  # a UserError: no memory for its own copies
                look = Figures(config=config, reason=str(wrong))
        return look

    def still_there(self, look: Figures) -> None:
        """A failed kernel may take the device with it: then nothing after it could be timed."""
        device = self._bench().prepared.device
        try:
            device.synchronize()
        except Exception as error:
            raise DeviceLostError(
                f"{device.name} no longer answers after {look.config} ({fault_line(error)}); run "
                "the command again: it goes on after that one."
            ) from error

    def final(
        self, configs: Sequence[Config], on_share: Callable[[float], None]
    ) -> tuple[Figures, list[Figures]]:
        """Who fails here after all is left out, as a look would have left it out."""
        if self._ahead is not None:
            self._ahead.close()
        bench, entered = self._bench(), Entered()
        for config in configs:
            try:
                entered.append((config, bench.enter(config)))
            except (KernelError, UserError):
                continue
        rule = _rule(self._seconds.final, noise=0.001, min_samples=20)
        default, *rest = self._race(entered, rule, on_share)
        if default.reason:
            raise UserError(f"the default has no time: {default.reason}")
        return default, rest

    def in_new_processes(self, config: Config, count: int) -> Iterator[Ratio]:
        """In processes of their own, which need the memory."""
        self._made = None
        return self._in_new_processes(config, count, self._seconds.process)

    def _bench(self) -> Bench:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _race(
        self,
        entered: Entered,
        rule: StopRule,
        on_round: Callable[[float], None] | None = None,
        go_on: Callable[[Entrant], bool] = lambda lost: True,
    ) -> list[Figures]:
        """The default's figures, then those of the entered, all from one race with the ceiling.

        Raises DefaultError.
        """
        bench = self._bench()
        usual, top = bench.default(), self._ceiling.entrant()
        entrants = [usual, *(entrant for _, entrant in entered)]
        try:
            finished = race(
                [*entrants, top],
                bench.prepared.device,
                rule,
                on_round,
                lambda lost: lost is not usual and go_on(lost),
            )
            if not finished:
                raise KeyboardInterrupt
            faults = [entrant.fault or entrant.check_again() for entrant in entrants]
        finally:
            for entrant in entrants:
                entrant.release()
        if faults[0] and not any(faults[1:]):
            raise DefaultError(faults[0])
        if faults[0]:  # somebody spoiled what they share
            bench.renew()
        found = [
            Figures(config=config, reason=fault)
            if fault or not entrant.device_s
            else figures(config, entrant, usual, top, bench.rotation.cache)
            for (config, entrant), fault in zip(entered, faults[1:], strict=True)
        ]
        if not usual.device_s:
            return [Figures(config=self._default, reason="it has no sample"), *found]
        return [figures(self._default, usual, usual, top, bench.rotation.cache), *found]


def pair(
    bench: Bench, config: Config, seconds: float, on_ready: Callable[[], None] = lambda: None
) -> Ratio:
    """The gain of a configuration over the bench's own, the two alone in a race.

    ``on_ready`` is called before it. Raises KernelError where one of them is wrong, or a sample of
    it is impossible.
    """
    usual, other = bench.default(), bench.enter(config)
    on_ready()
    finished = race(
        [usual, other], bench.prepared.device, _rule(seconds, noise=0.001, min_samples=20),
        go_on=lambda lost: False,
    )  # fmt: skip
    if not finished:
        raise KeyboardInterrupt
    for one in (usual, other):
        if fault := one.fault or one.check_again() or one.impossible():
            raise KernelError(f"{one.name}: {fault}")
    return usual.over(other)


def _rule(seconds: float, noise: float, min_samples: int) -> StopRule:
    warmup_s = min(0.5, seconds / 4)
    return StopRule(noise=noise, seconds=seconds, min_samples=min_samples, warmup_s=warmup_s)


def _said(config: Config) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.items())
