"""What a run gives back, whatever ended it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from truetpot.errors import OutputError
from truetpot.measure.keeper import Keeper
from truetpot.records.opening import Measured
from truetpot.runtime.interrupts import uninterrupted

R = TypeVar("R")
M = TypeVar("M", bound=Measured)


@dataclass(frozen=True)
class Ended(Generic[R]):
    """A run that is over, and its record."""

    record: R
    valid: bool = True
    """Whether the result may be used: no kernel was wrong, and no time impossible."""
    interrupted: bool = False
    """By the user: the record is partial."""
    cause: Exception | None = None
    """What ended it otherwise, or why the record could not be written: to be raised, once what was
    measured has been shown."""


def finished(
    keep: Keeper,
    record: M,
    *,
    valid: bool,
    interrupted: bool = False,
    cause: Exception | None = None,
) -> Ended[M]:
    """Write the last record. Where that fails, and nothing else did, it is the cause."""
    with uninterrupted():
        try:
            keep.finish(record)
        except OutputError as error:
            cause = cause or error
    return Ended(record, valid, interrupted, cause)
