"""What ``truetpot trace`` does: files to one record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from truetpot.records.trace import TraceRecord
from truetpot.stack.analyse import Given, analyse
from truetpot.stack.trace import read_trace


def traced(files: Sequence[Path], given: Given, command: str) -> TraceRecord:
    """The record of these files. Raises UserError for a file that is no trace."""
    runs = [run for file in files for run in analyse(read_trace(file), file, given)]
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
