"""Which of two resources bounds a piece of work: the memory, or the units that multiply."""

from __future__ import annotations

from enum import StrEnum


class Limit(StrEnum):
    """Whether bytes or operations take longer at full speed."""

    BYTES = "bytes"
    """Reading them at the memory bandwidth."""
    OPERATIONS = "operations"
    """Multiplying and adding at the rate of the matrix engine."""


def roofline(byte_time: float, operation_time: float | None) -> tuple[float, Limit]:
    """The larger of the two times, in their unit, and which it is.

    Both are of the same work, and the two resources may work at the same time: nothing is added.
    None is a rate that is not known: then the bytes alone bound.
    """
    if operation_time is not None and operation_time > byte_time:
        return operation_time, Limit.OPERATIONS
    return byte_time, Limit.BYTES
