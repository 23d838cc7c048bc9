"""Machines that are made: records of validate and doctor with known faults. None is a recording.

The shape is that of the kept records of tests/data/made/records; figures are drawn, a card's own
offset first, then each run's noise.
"""

import copy
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.records.kept import load

KIND = "Intel(R) Arc(TM) Pro B60 Graphics, 24 GiB"
FIGURES = {
    ("bandwidth", "read"): (440.0, "GB/s", "higher"),
    ("bandwidth", "copy"): (400.0, "GB/s", "higher"),
    ("compute", "bf16 matrix"): (94.0, "TFLOPS", "higher"),
    ("link", "host to device"): (24.0, "GB/s", "higher"),
    ("step", "step"): (12.0, "ms", "lower"),
}
"""What a healthy card gives."""
VALIDATE, DOCTOR = load("validate"), load("doctor-cards")
START = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass
class Fleet:
    """``machines`` of ``cards`` cards each, ``runs`` records of each, a day apart."""

    machines: int
    runs: int = 1
    cards: int = 2
    seed: int = 0
    card_noise: float = 0.01
    run_noise: float = 0.005
    factors: dict = field(default_factory=dict)
    """By machine, card, test, figure, run: what a healthy value is multiplied with; run -1: all."""
    drivers: dict = field(default_factory=dict)
    """By machine and run, what is not the usual driver."""
    failed: frozenset = frozenset()
    """Machines whose last run failed."""

    def records(self):
        """Name of the file and record, machine by machine."""
        rng = random.Random(self.seed)
        for machine in range(self.machines):
            own = {
                (card, *place): rng.gauss(1, self.card_noise)
                for card in range(self.cards)
                for place in FIGURES
            }
            for run in range(self.runs):
                yield f"{name_of(machine)}-{run}.json", self._record(rng, machine, run, own)

    def write(self, folder):
        """All of them as files."""
        for name, record in self.records():
            (folder / name).write_text(json.dumps(record))
        return folder

    def _record(self, rng, machine, run, own):
        record = copy.copy(VALIDATE)
        last = run == self.runs - 1
        verdict = "fail" if machine in self.failed and last else "pass"
        record |= {
            "host": name_of(machine), "machine_id": f"{machine:016x}", "level": "medium",
            "started": f"{START + timedelta(days=run):%Y-%m-%dT%H:%M:%SZ}", "partial": False,
            "verdict": verdict, "devices": [], "tests": [],
        }  # fmt: skip
        for card in range(self.cards):
            driver = self.drivers.get((machine, run), self.drivers.get((machine, -1), "26.31"))
            record["devices"].append(device(card, driver))
            for test in sorted({test for test, _ in FIGURES}):
                figures = [
                    figure(name, self._value(rng, machine, card, test, name, run, own))
                    for of, name in FIGURES
                    if of == test
                ]
                record["tests"].append(tested(test, card, figures, verdict))
        return record

    def _value(self, rng, machine, card, test, name, run, own):
        value = FIGURES[test, name][0] * own[card, test, name] * rng.gauss(1, self.run_noise)
        place = (machine, card, test, name)
        return value * self.factors.get((*place, run), self.factors.get((*place, -1), 1.0))


def name_of(machine):
    return f"node{machine:04d}"


def device(card, driver):
    made = copy.deepcopy(VALIDATE["devices"][0])
    made |= {"device": f"xpu:{card}", "kind_of_card": KIND}
    address = f"0000:{3 + card:02x}:00.0"
    made["identity"] |= {"uuid": None, "pci_address": address, "driver": driver}
    return made


def figure(name, value):
    _, unit, better = next(known for (_, of), known in FIGURES.items() if of == name)
    made = copy.copy(VALIDATE["tests"][0]["figures"][0])
    return made | {
        "name": name, "value": value, "unit": unit, "better": better, "attempts": [value],
        "judged": [], "verdict": "pass",
    }  # fmt: skip


def tested(test, card, figures, verdict):
    made = copy.copy(VALIDATE["tests"][0])
    said = "" if verdict == "pass" else "read is 300 GB/s, below 410.4"
    return made | {
        "name": test, "device": f"xpu:{card}", "verdict": verdict, "figures": figures, "said": said,
    }  # fmt: skip


def doctor(machine, driver="xe", kernel="6.14.0", **changes):
    """A record of doctor of a machine with one card."""
    made = copy.deepcopy(DOCTOR)
    made["cards"] = [card for card in made["cards"] if card["discrete"]][:1]
    made["cards"][0]["driver"] = driver
    made["host"]["kernel"] = kernel
    made |= {
        "hostname": name_of(machine), "machine_id": f"{machine:016x}", "verdict": "ok",
        "findings": [], "started": "2026-11-01T00:00:00Z",
    }  # fmt: skip
    return made | changes
