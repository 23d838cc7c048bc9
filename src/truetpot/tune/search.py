"""Search a kernel's launch parameters for one case: a look at each, then a race of the best.

What was timed is checked again after each race, on the memory that it was timed on.

Each configuration that :mod:`.climb` asks for is checked, then raced for a moment beside the
default and the read ceiling. The few with the largest gains run a longer race, again beside those
two. A gain is a ratio of one round, so a device whose clocks drift from one configuration to the
next does not decide it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from truetpot.errors import KernelError, UserError
from truetpot.facts.hardware import Hardware
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.entrant import Entrant
from truetpot.measure.race import race
from truetpot.ops.guard import fault_line, guarded, who
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config, Kernel
from truetpot.records.opening import now
from truetpot.records.tune import Figures, Found
from truetpot.runtime.device import Device
from truetpot.stats import StopRule
from truetpot.tune.bench import Bench
from truetpot.tune.climb import most_looks, next_looks
from truetpot.tune.figures import figures
from truetpot.tune.progress import Log

FINALISTS = 4
LOOKS_SHARE = 0.5
"""Of the time of a case; the rest is the final's."""
Entered = list[tuple[Config, Entrant]]


class DefaultError(KernelError):
    """It is the default that failed: there is nothing to compare with."""


class DeviceLostError(UserError):
    """Nothing more can be done in this process; a new one goes on after what caused it."""


def candidates(kernel: type[Kernel], case: Case, device: Device) -> list[Config]:
    """The kernel's configurations, each once, the default first. Raises KernelError."""
    found: list[Config] = []
    with guarded("configs", who(kernel, case)):
        for config in kernel.configs(case, device):
            if config not in found:
                found.append(dict(config))
    return found


def search(
    kernel: type[Kernel],
    case: Case,
    device: Device,
    ceiling: Ceiling,
    seconds: float,
    log: Log,
    hardware: Hardware | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Found:
    """The best configuration for the case, in about ``seconds`` of timing.

    Whatever ``log`` knows is not measured again, and whatever is measured goes into it at once.
    Raises KernelError where the default is wrong, UserError where the case cannot be timed,
    DeviceLostError, and KeyboardInterrupt.
    """
    configs = candidates(kernel, case, device)
    default, *others = configs
    if log.final is not None:
        return log.final
    bench = Bench(kernel, case, device, default, hardware)
    likely = max(1, most_looks(configs))
    rule = _rule(seconds * LOOKS_SHARE / likely, noise=0.01, min_samples=10)
    while new := next_looks(configs, log.looks):
        for config in new:
            on_progress(LOOKS_SHARE * min(1.0, len(log.looks) / likely))
            look = _look(bench, config, default, ceiling, rule)
            log.add(look)
            if look.reason:
                _still_there(device, config)
    timed = [look for look in log.looks if look.gain and look.config in others]
    fastest = sorted(timed, key=lambda look: -(look.gain or 0))
    rule = _rule(seconds * (1 - LOOKS_SHARE), noise=0.001, min_samples=20)
    found = _final(
        bench,
        default,
        [look.config for look in fastest[:FINALISTS]],
        ceiling,
        rule,
        lambda used: on_progress(LOOKS_SHARE + (1 - LOOKS_SHARE) * used),
    )
    log.finish(found)
    return found


def _rule(seconds: float, noise: float, min_samples: int) -> StopRule:
    warmup_s = min(0.5, seconds / 4)
    return StopRule(noise=noise, seconds=seconds, min_samples=min_samples, warmup_s=warmup_s)


def _look(
    bench: Bench, config: Config, default: Config, ceiling: Ceiling, rule: StopRule
) -> Figures:
    """A short race of one configuration; its reason where it has none."""
    for name, value in config.items():
        if not isinstance(value, str | int | float):
            kind = type(value).__name__
            return Figures(config=config, reason=f"{name} is a {kind}, which no file can keep")
    try:
        entered = [(config, bench.enter(config))]
        return _race(bench, default, entered, ceiling, rule, go_on=lambda lost: False)[1]
    except DefaultError:
        raise
    except (KernelError, UserError) as wrong:  # a UserError: no memory for copies of its own
        return Figures(config=config, reason=str(wrong))


def _final(
    bench: Bench,
    default: Config,
    finalists: Sequence[Config],
    ceiling: Ceiling,
    rule: StopRule,
    on_round: Callable[[float], None],
) -> Found:
    """The longer race. Who fails here after all is left out, as a look would have left it out."""
    entered: Entered = []
    for config in finalists:
        try:
            entered.append((config, bench.enter(config)))
        except (KernelError, UserError):
            continue
    first, *rest = _race(bench, default, entered, ceiling, rule, on_round)
    if first.reason:
        raise UserError(f"the default has no time: {first.reason}")
    better = [one for one in rest if one.gain_ci is not None and one.gain_ci[0] > 1]
    best = max(better, key=lambda one: one.gain or 0, default=first)
    return Found(default=first, best=best, when=now())


def _race(
    bench: Bench,
    default: Config,
    entered: Entered,
    ceiling: Ceiling,
    rule: StopRule,
    on_round: Callable[[float], None] | None = None,
    go_on: Callable[[Entrant], bool] = lambda lost: True,
) -> list[Figures]:
    """The default's figures, then those of the entered, all from one race with the ceiling.

    Raises DefaultError.
    """
    usual, top = bench.default(), ceiling.entrant()
    entrants = [usual, *(entrant for _, entrant in entered)]
    try:
        finished = race(
            [*entrants, top],
            bench.device,
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
        else figures(config, entrant, usual, top, bench.cache)
        for (config, entrant), fault in zip(entered, faults[1:], strict=True)
    ]
    if not usual.device_s:
        return [Figures(config=default, reason="it has no sample"), *found]
    return [figures(default, usual, usual, top, bench.cache), *found]


def _still_there(device: Device, config: Config) -> None:
    """A failed kernel may take the device with it: then nothing after it could be timed."""
    try:
        device.synchronize()
    except Exception as error:
        raise DeviceLostError(
            f"{device.name} no longer answers after {config} ({fault_line(error)}); run the "
            "command again: it goes on after that one."
        ) from error
