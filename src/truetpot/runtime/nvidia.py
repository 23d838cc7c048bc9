"""What ``nvidia-smi`` tells of one card. It is named by UUID or PCI address, never by an index.

torch counts the devices that ``CUDA_VISIBLE_DEVICES`` leaves, in the order of
``CUDA_DEVICE_ORDER``; nvidia-smi counts all of them along the bus. The same index is another card.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence


def smi(cards: Sequence[str | None], fields: Sequence[str]) -> dict[str, str | None]:
    """The values of the fields by name, None for what is not told.

    ``cards`` are names of one card, of which the first that nvidia-smi knows is taken: a slice of a
    card (MIG) has a UUID that it cannot be asked by, and the card's address.
    """
    for card in filter(None, cards):
        if (values := _query(card, fields)) is not None:
            return dict(zip(fields, values, strict=True))
        # one field that this driver does not have makes it refuse all of them
        if len(fields) > 1 and _query(card, ["uuid"]) is not None:
            return {field: (_query(card, [field]) or [None])[0] for field in fields}
    return dict.fromkeys(fields)


def _query(card: str, fields: Sequence[str]) -> list[str | None] | None:
    if (program := shutil.which("nvidia-smi")) is None:
        return None
    what = [f"--id={card}", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            [program, *what], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    lines = done.stdout.strip().splitlines()
    values = [value.strip() for value in lines[0].split(",")] if len(lines) == 1 else []
    if len(values) != len(fields):
        return None
    # [N/A], [Not Supported], [Unknown Error]
    return [None if not value or value.startswith("[") else value for value in values]
