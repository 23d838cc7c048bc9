"""Some seconds of measuring: can this device's clock, memory and kernels be believed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from truetpot.doctor.files import table
from truetpot.doctor.finding import Finding, bad, ok, warn
from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware
from truetpot.measure.ceiling import find_ceiling
from truetpot.measure.race import race
from truetpot.records.doctor import Quick
from truetpot.runtime.device import Device
from truetpot.stats import StopRule


def quick_check(
    device: Device,
    hardware: Hardware | None,
    seconds: float,
    advance: Callable[[float, float], None] = lambda done, total: None,
) -> Quick:
    """Sweep the read kernels, each checked first, then read with the best alone."""
    pair = device.clock().empty_pair_s
    sheet = None if hardware is None else hardware.bandwidth_gb_s
    sweep, steady = (
        StopRule(noise=0.0, seconds=share * seconds, min_samples=20, warmup_s=0.05 * seconds)
        for share in (0.4, 0.5)
    )
    try:
        ceiling = find_ceiling(device, sweep)
    except UserError as error:
        return _nothing_read(device, sheet, pair, str(error))
    entrant = ceiling.entrant()
    entrant.floor_s = ceiling.bytes / (sheet * 1e9) if sheet else None
    if not race([entrant], device, steady, lambda used: advance(0.5 + used / 2, 1.0)):
        raise KeyboardInterrupt
    if entrant.fault:
        misread = f"the read kernel {ceiling.provider} failed: {entrant.fault}"
        return _nothing_read(device, sheet, pair, misread)
    return Quick(
        device=device.name,
        read_gb_s=entrant.bandwidth / 1e9,
        reader=ceiling.provider,
        spread=entrant.stats.cv,
        samples=entrant.stats.count,
        datasheet_gb_s=sheet,
        empty_pair_s=pair,
        impossible=entrant.impossible(),
        misread=None,
        left_out=list(ceiling.left_out),
    )


def _nothing_read(device: Device, sheet: float | None, pair: float, misread: str) -> Quick:
    return Quick(
        device=device.name,
        read_gb_s=None,
        reader="",
        spread=None,
        samples=0,
        datasheet_gb_s=sheet,
        empty_pair_s=pair,
        impossible=None,
        misread=misread,
    )


def judge_quick(quick: Quick) -> Iterator[Finding]:
    """Bandwidth against the datasheet, its spread, and the clock."""
    limits = {name: entry["value"] for name, entry in table("thresholds.toml").items()}
    if quick.misread is not None:
        yield bad(
            "memory",
            quick.misread,
            "no kernel's result or time is worth anything here",
            "another driver, another card; do not measure on this one",
        )
    for sentence in quick.left_out:
        yield bad("kernels", sentence, "it has no part in any ceiling", "mend it or leave it out")
    if quick.impossible is not None:
        yield bad(
            "clock",
            quick.impossible,
            "the device's clock or its name in the tables is wrong",
            "report it with truetpot doctor --json; do not publish times of this machine",
        )
    if quick.read_gb_s is not None:
        yield _bandwidth(quick, quick.read_gb_s, limits)
    if quick.spread is not None:
        yield _spread(quick, quick.spread, limits)
    if quick.empty_pair_s > limits["empty_pair_warn"]:
        yield warn(
            "clock",
            f"taking a time around nothing costs {quick.empty_pair_s * 1e6:.0f} us",
            "single decode kernels are shorter: they are timed as graph replays or many at a time",
            "nothing: brackets are lengthened, and the cost is in every record",
        )


def _bandwidth(quick: Quick, rate: float, limits: dict[str, float]) -> Finding:
    what = f"{quick.device} reads {rate:.1f} GB/s"
    if quick.datasheet_gb_s is None:
        return ok("bandwidth", f"{what}; its datasheet is not in the tables")
    share = rate / quick.datasheet_gb_s
    what += f", {share:.0%} of the datasheet's {quick.datasheet_gb_s:g}"
    means = "every decode time is longer than the card's own by about as much"
    do = "look at clocks, throttling and other programs on the card (xpu-smi ps), then run again"
    if share < limits["share_bad"]:
        return bad("bandwidth", what, means, do)
    if share < limits["share_warn"]:
        return warn("bandwidth", what, means, do)
    return ok("bandwidth", what)


def _spread(quick: Quick, spread: float, limits: dict[str, float]) -> Finding:
    what = f"{quick.samples} equal reads spread by {spread:.1%}"
    means = "the machine is not steady: differences of that size between two runs are chance"
    do = "stop other programs, pin clocks, and compare within one run only"
    if spread > limits["spread_bad"]:
        return bad("steadiness", what, means, do)
    if spread > limits["spread_warn"]:
        return warn("steadiness", what, means, do)
    return ok("steadiness", what)
