"""Read what a serving benchmark wrote: one module a tool, the format found from the content."""

from __future__ import annotations

from pathlib import Path

from truetpot.serving.readers.detect import read_source
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Run

__all__ = ["read"]


def read(path: Path) -> list[Run]:
    """The runs in a result file, in the file's order; at least one.

    Raises UserError, one sentence with the place, if the file is missing, cut off, broken, or of no
    known tool.
    """
    source = Source(path)
    try:
        return read_source(source)
    except MemoryError:
        raise source.error("needs more memory for its arrays than there is") from None
