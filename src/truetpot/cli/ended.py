"""From what a run gives back to the exit code of its command."""

from __future__ import annotations

from typing import Any

from truetpot.exits import ExitCode
from truetpot.runs.ended import Ended


def code_of(ended: Ended[Any]) -> ExitCode:
    """Of a run that has been shown. Raises what ended it, where that was no interrupt."""
    if ended.cause is not None:
        raise ended.cause
    if ended.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if ended.valid else ExitCode.INVALID
