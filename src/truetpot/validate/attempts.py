"""What the runs of one test gave: one, or three where a figure was below a limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from truetpot.runtime.child import Ended
from truetpot.validate.measured import Measured, Reading


@dataclass
class Attempts:
    """What the runs of one test gave so far."""

    ended: list[Ended] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    def readings(self) -> list[tuple[Reading, list[float]]]:
        """Each figure's last reading, and all its values."""
        values: dict[str, list[float]] = {}
        last: dict[str, Reading] = {}
        for one in self.measured:
            for reading in one.readings:
                values.setdefault(reading.name, []).append(reading.value)
                last[reading.name] = reading
        return [(reading, values[name]) for name, reading in last.items()]
