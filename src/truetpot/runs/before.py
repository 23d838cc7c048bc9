"""What a run of ``truetpot kernels`` hands on where a kernel ends its process."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Self

from truetpot.measure.kernel_result import Row
from truetpot.runtime.running import position


@dataclass
class Before:
    """What processes before this one measured, the last of which a kernel ended."""

    ended: bool
    cases: int
    """How many are done."""
    rows: list[Row]

    @classmethod
    def take(cls) -> Self:
        """From the process before; nothing where this is the first."""
        here = position()
        text = None if here is None else here.get("rows")
        cases, rows = (0, []) if text is None else pickle.loads(text)
        return cls(here is not None and bool(here.blamed), cases, rows)

    def leave(self, cases: int, rows: list[Row]) -> None:
        """For the process after this one, should a kernel end this one."""
        if (here := position()) is not None:
            here.put("rows", pickle.dumps((cases, rows)))
