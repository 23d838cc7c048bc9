"""Where in a file something is registered, for the sentence that says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.text import escaped


@dataclass(frozen=True)
class Location:
    """A file and a line in it."""

    file: str
    line: int

    def __str__(self) -> str:
        """``kernels/linear/mine.py:12``."""
        return f"{escaped(self.file)}:{self.line}"
