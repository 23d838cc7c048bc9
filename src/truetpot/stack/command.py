"""What ``truetpot trace`` does: files to one record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from truetpot.records.trace import TraceRecord
from truetpot.stack.analyse import Given, analyse_ranks
from truetpot.stack.ranks import across
from truetpot.stack.trace import read_trace


def traced(files: Sequence[Path], given: Given, command: str) -> TraceRecord:
    """The record of these files. Raises UserError for a file that is no trace."""
    runs = across([one for file in files for one in analyse_ranks(read_trace(file), file, given)])
    yardstick = given.yardstick
    card = None if yardstick is None else yardstick.hardware
    best = None if yardstick is None else yardstick.ceiling_gb_s
    return TraceRecord(
        command=command,
        yardstick="" if yardstick is None else yardstick.what,
        bandwidth_gb_s=UNSET if card is None else card.bandwidth_gb_s,
        ceiling_gb_s=UNSET if best is None else best,
        runs=runs,
    )
