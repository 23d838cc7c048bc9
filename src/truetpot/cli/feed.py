"""``truetpot decode --tokens``: the logits of given tokens, for comparison with another program."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from truetpot.cli.screen import Screen
from truetpot.files import write_whole
from truetpot.records.store import write_record
from truetpot.report.terminal import Terminal
from truetpot.runs import feed as feeding
from truetpot.runs.decode_outcome import Request


def feed(
    request: Request,
    tokens: Sequence[int],
    save: Path | None,
    json: str | None,
    terminal: Terminal,
) -> None:
    """Feed the tokens, show which are likeliest to follow, and write what was asked for."""
    saved = str(save) if save else None
    logits, record = feeding.run(request, tokens, saved, Screen(terminal))
    if request.setting.device.group.rank > 0:
        return
    terminal.show(f"after each token, the likeliest next: {', '.join(map(str, record.likeliest))}")
    if save is not None:
        write_whole(save, _npy(logits), "--save-logits")
        terminal.show(f"logits {list(logits.shape)} float32 in {save}")
    if json is not None:
        write_record(record, json)


def _npy(array: np.ndarray) -> bytes:
    """As ``np.save`` would write it."""
    content = BytesIO()
    np.save(content, array)
    return content.getvalue()
