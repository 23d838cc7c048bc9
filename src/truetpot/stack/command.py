"""What ``truetpot trace`` does: files to one record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware, recognise_cards
from truetpot.files import check_once, shortened_path
from truetpot.records.trace import TracedRun, TraceRecord
from truetpot.stack.analyse import Given, analyse_ranks
from truetpot.stack.ranks import across
from truetpot.stack.trace import read_trace
from truetpot.text import escaped, shortened


def traced(files: Sequence[Path], given: Given, command: str) -> TraceRecord:
    """The record of these files, a rank each.

    Raises UserError for a file that is no trace, for one that is named twice, and for a trace of
    another card than the yardstick's.
    """
    check_once(files)
    runs = across([one for file in files for one in analyse_ranks(read_trace(file), file, given)])
    yardstick = given.yardstick
    card = None if yardstick is None else yardstick.hardware
    if card is not None:
        for run in runs:
            _check_card(run, card)
    best = None if yardstick is None else yardstick.ceiling_gb_s
    return TraceRecord(
        command=command,
        yardstick="" if yardstick is None else yardstick.what,
        bandwidth_gb_s=UNSET if card is None else card.bandwidth_gb_s,
        ceiling_gb_s=UNSET if best is None else best,
        runs=runs,
    )


def _check_card(run: TracedRun, card: Hardware) -> None:
    """Raise UserError where the trace names another card of the tables."""
    found = recognise_cards(run.device)
    if found is not None and found[0].key != card.key:
        raise UserError(
            f"{shortened_path(run.file)} is of {shortened(escaped(run.device))}, and is to be held "
            f"against {card.title}; give --device {found[0].key}, or a --ladder of that card."
        )
