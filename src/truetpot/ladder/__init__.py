"""The ladder: one quantity, ms per token, at several heights; and serving held against it."""

from truetpot.ladder.communication import Communication
from truetpot.ladder.ranks import RankRow, merged
from truetpot.ladder.rungs import (
    LOSSES,
    RUNGS,
    Ladder,
    OperatorRow,
    Rung,
    build_ladder,
    step_traffic,
)

__all__ = [
    "LOSSES",
    "RUNGS",
    "Communication",
    "Ladder",
    "OperatorRow",
    "RankRow",
    "Rung",
    "build_ladder",
    "merged",
    "step_traffic",
]
