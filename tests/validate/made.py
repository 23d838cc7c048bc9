"""Records of cards that there are not, made as a run makes them."""

from truetpot.records.validate import Health, ValidatedDevice, ValidatedTest, ValidateRecord
from truetpot.records.words import StepOutcome
from truetpot.validate.conclude import concluded, overall
from truetpot.validate.judge import Yardsticks, judged
from truetpot.validate.limits import load_limits
from truetpot.validate.measured import Reading, errors
from truetpot.validate.sisters import with_sisters

CARD = "Intel(R) Arc(TM) Pro B60 Graphics, 24 GiB"
FIGURES = {
    ("bandwidth", "read"): (440.0, "GB/s", "higher", 456.0),
    ("bandwidth", "copy"): (390.0, "GB/s", "higher", 456.0),
    ("compute", "fp16 at clock"): (0.97, "share", "higher", 1.0),
    ("compute", "fp16"): (94.0, "TFLOPS", "higher", 98.0),
    ("link", "host to device"): (27.0, "GB/s", "higher", 31.5),
    ("step", "step"): (12.0, "ms", "lower", None),
}


def device(i, **more):
    """One card."""
    name = CARD.partition(",")[0]
    identity = {"kind": "xpu", "name": name, "uuid": f"u{i}", "pci_address": None}
    given = {"hardware": "arc-pro-b60", "kind_of_card": CARD} | more
    return ValidatedDevice(device=f"xpu:{i}", identity=identity, **given)


def reading(test, name, value):
    """One figure's reading."""
    _, unit, better, expected = FIGURES[test, name]
    bound = expected * 1.01 if expected and unit == "GB/s" else None
    return Reading(
        name=name, value=value, unit=unit, better=better, expected=expected, bound=bound,
        source="its datasheet",
    )  # fmt: skip


def row(test, where, readings, outcome=StepOutcome.OK, **more):
    """One test's row, judged by limits."""
    by = Yardsticks(load_limits(), "arc-pro-b60")
    given = {"said": "", "do": "", "code": 0, "traceback": ""} | more
    made = ValidatedTest(
        name=test, about=f"about {test}", device=where, verdict=Health.NOT_RUN, outcome=outcome,
        figures=[judged(test, one, [one.value], by) for one in readings], limit_s=60.0, seconds=2.5,
        **given,
    )  # fmt: skip
    return concluded(made, by)


def record(cards=4, changed=None, tests=None, **more):
    """Healthy cards; ``changed`` has a factor by (card, test, figure)."""
    rows = list(tests or ())
    if tests is None:
        names = dict.fromkeys(test for test, _ in FIGURES)
        for test in names:
            for i in range(cards):
                readings = [errors("wrong elements", 0)]
                for (owner, name), (value, *_) in FIGURES.items():
                    if owner == test:
                        factor = (changed or {}).get((i, test, name), 1 + 0.002 * (i % 3 - 1))
                        readings.append(reading(test, name, value * factor))
                rows.append(row(test, f"xpu:{i}", readings))
    devices = [device(i) for i in range(cards)]
    limits = load_limits()
    kinds = {one.device: one.kind_of_card for one in devices}
    rows = [
        concluded(one, Yardsticks(limits, "arc-pro-b60"))
        for one in with_sisters(rows, kinds, limits.sisters)
    ]
    given = {
        "started": "2026-11-30T19:00:00Z", "command": "truetpot validate", "truetpot": "0.1.0",
        "python": "3.12", "os": "Linux", "host": "made", "machine_id": None, "level": "medium",
        "small": False, "partial": False, "verdict": overall(rows), "baseline": None,
        "devices": devices, "tests": rows,
    } | more  # fmt: skip
    return ValidateRecord(**given)
