"""A full load over minutes: rate, clock, power, temperature and throttling every second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from truetpot.facts.kinds import all_kinds
from truetpot.records.validate import Second
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.validate.checks.compute import BRACKET_S, Product, side
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors
from truetpot.validate.watch import Look, harmful, watching

PERIOD_S, SMALL_PERIOD_S = 1.0, 0.1
START_SHARE, END_SHARE = 0.1, 0.2
"""Of the time: the rate of the last fifth over that of the first tenth."""
TELL_EVERY = 10
"""Seconds."""
BOUND = 1.25
"""A card is not that much faster warm than cold: its clock, or the host's, is wrong."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """``end over start``, results that were other bits than the first, and seconds throttled."""
    device = choose_device(setting.devices[0])
    dtype = all_kinds()[device.kind].dtype
    product = Product.random(dtype, side(device, setting.small), device)
    period_s = SMALL_PERIOD_S if setting.small else PERIOD_S
    load = Load(product, device)
    series: list[Second] = []
    load.run(period_s)  # what is left to compile, and the clock's way up, are no part of the load
    with watching(device, period_s) as looks:
        begun = time.monotonic()
        while (at := time.monotonic() - begun) < setting.seconds or len(series) < 5:
            rate = load.run(period_s)
            series.append(second(at + period_s, rate, looks[-1] if looks else None))
            if len(series) % TELL_EVERY == 0:
                tell(measured(series, load, dtype))
    return measured(series, load, dtype)


class Load:
    """The product without a pause; each second's result is compared with the first."""

    def __init__(self, product: Product, device: Device) -> None:
        self.product, self.device = product, device
        self.unequal = self.compared = 0
        product.call()
        self._first = self._sample()
        took = min(device.time_calls([product.call]).device_s for _ in range(3))
        self._calls = [product.call] * max(1, round(BRACKET_S / max(took, 1e-6)))

    def run(self, seconds: float) -> float:
        """1e12 operations a second over that time, by the host's clock."""
        begun, done = time.perf_counter(), 0
        while (used := time.perf_counter() - begun) < seconds:
            self.device.time_calls(self._calls, elapsed=True)
            done += len(self._calls)
        self.unequal += not self.device.alike(self._sample(), self._first)
        self.compared += 1
        return done * self.product.operations / used / 1e12

    def _sample(self) -> Any:
        return self.product.call().clone()


def second(at_s: float, rate: float, look: Look | None) -> Second:
    """The readings of one second of the series."""
    return Second(
        at_s=at_s,
        rate=rate,
        clock_mhz=look.clock_mhz if look else None,
        memory_clock_mhz=look.memory_clock_mhz if look else None,
        power_w=look.power_w if look else None,
        temperature_c=look.temperature_c if look else None,
        throttled_by=list(look.throttled_by) if look else [],
    )


def measured(series: Sequence[Second], load: Load, dtype: str) -> Measured:
    """The readings of a series."""
    start = series[: max(1, round(START_SHARE * len(series)))]
    end = series[-max(1, round(END_SHARE * len(series))) :]
    held = [one for one in series if harmful(one.throttled_by)]
    bad = {reason for one in held for reason in harmful(one.throttled_by)}
    reasons = sorted({reason for one in series for reason in one.throttled_by})
    hot = [one.temperature_c for one in series if one.temperature_c is not None]
    power = [one.power_w for one in end if one.power_w is not None]
    return Measured(
        readings=[
            Reading(
                name="end over start", value=_rate(end) / _rate(start), unit="share",
                better="higher", expected=1.0, bound=BOUND, source="the card's own first seconds",
                note=f"throttled by {', '.join(reasons)}" if reasons else "",
            ),
            Reading(
                name="share of seconds throttled", value=len(held) / len(series), unit="share",
                better="lower", compared=False, note=", ".join(sorted(bad)),
            ),
            Reading(
                name="rate", value=_rate(end), unit="TFLOPS", better="higher",
                note=f"{dtype}, at the end",
            ),
            errors("results with other bits", load.unequal, f"{load.compared} were compared"),
        ],
        series=list(series),
        found={
            "seconds": series[-1].at_s,
            "hottest_c": max(hot, default=None),
            "power_w_at_the_end": median(power) if power else None,
            "throttled_by": reasons,
        },
    )  # fmt: skip


def _rate(series: Sequence[Second]) -> float:
    return median(one.rate for one in series)
