"""The ladder: one quantity, ms per token, at several heights; and serving held against it."""

from truetpot.ladder.rungs import (
    LOSSES,
    RUNGS,
    Ladder,
    OperatorRow,
    Rung,
    build_ladder,
    step_traffic,
)

__all__ = ["LOSSES", "RUNGS", "Ladder", "OperatorRow", "Rung", "build_ladder", "step_traffic"]
