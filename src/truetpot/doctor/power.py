"""Power limits of a card, by i915's and xe's hwmon files, against what the card is sold with.

Documentation/ABI/testing/sysfs-driver-intel-{i915,xe}-hwmon: 1 is the card, 2 the package, ``max``
the sustained limit (PL1), ``cap`` the burst limit (PL2), ``crit`` the critical one (I1). Which of
them exist depends on driver, kernel and card. A Battlemage card on xe may have no ``max``, and has
no ``rated_max``: only the datasheet tells what it is sold with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from truetpot.doctor.files import numbered, threshold
from truetpot.facts.hardware import Hardware
from truetpot.runtime.sysfs import number

_PLACES = {"card": 1, "package": 2}
_KINDS = {"sustained": "max", "burst": "cap", "critical": "crit"}


@dataclass(frozen=True)
class PowerLimit:
    """One power limit of a card or its package, in watts."""

    what: str
    """``card`` or ``package``."""
    limit_w: float | None
    """None: switched off."""
    rated_w: float | None
    """What the card is sold with, and below it who says so: ``driver`` or ``datasheet``."""
    rated_by: str | None = None
    kind: str = "sustained"
    """``sustained`` (PL1), ``burst`` (PL2) or ``critical`` (I1)."""

    @property
    def file(self) -> str:
        """The file of hwmon in which the limit is written."""
        return f"power{_PLACES[self.what]}_{_KINDS[self.kind]}"

    @property
    def lowered(self) -> bool:
        """Below what it is sold with.

        A burst or critical limit is far above the rated power where nobody touched it. Of a package
        no datasheet tells: half of the board's power is what thresholds.toml allows it.
        """
        if self.limit_w is None or self.rated_w is None:
            return False
        guessed = self.what == "package" and self.rated_by == "datasheet"
        return self.limit_w < (threshold("package_share_warn") if guessed else 0.99) * self.rated_w


def read_power(device: Path, hardware: Hardware | None) -> tuple[PowerLimit, ...]:
    """The limits that the driver shows; 0 stands for one that is switched off."""
    sold = None if hardware is None else hardware.board_power_w
    limits = []
    for hwmon in numbered(device, "hwmon/hwmon[0-9]*"):
        for what, index in _PLACES.items():
            told = number(hwmon / f"power{index}_rated_max")
            rated, by = (told / 1e6, "driver") if told else (sold, sold and "datasheet")
            for kind, file in _KINDS.items():
                limit = number(hwmon / f"power{index}_{file}")
                if limit is not None:
                    watts = limit / 1e6 if limit > 0 else None
                    limits.append(PowerLimit(what, watts, rated, by or None, kind))
    return tuple(limits)
