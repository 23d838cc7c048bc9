"""Words that several records share, one enum a meaning."""

from __future__ import annotations

from enum import StrEnum


class KernelStatus(StrEnum):
    """What became of a kernel that was to be timed."""

    OK = "ok"
    COARSE = "coarse"
    """Timed, but not at the operator's precision: its arithmetic rounds further."""
    INVALID = "invalid"
    """A sample of it cannot be true."""
    WRONG = "wrong"
    """Its result is: it has no time."""
    SKIPPED = "skipped"
    """It cannot run here."""
    PARTIAL = "partial"
    """The run was interrupted."""


class Cache(StrEnum):
    """Where the inputs of a timed call come from."""

    ROTATED = "rotated"
    """From memory: calls go through so many copies that no cache holds them."""
    HOT = "hot"
    """A cache may hold them."""
    NOT_TIMED = ""
    """It was not timed."""


class Origin(StrEnum):
    """Where a kernel's launch parameters come from."""

    DEFAULT = "default"
    """The kernel's own default: no tuned entry fits."""
    USER = "user"
    """The entry of this case in the user's file of tuned parameters."""
    SHIPPED = "shipped"
    """The entry of this case in the package's file."""
    NEAREST = "nearest"
    """The entry of the same kernel and shape at the nearest batch and context."""
    GIVEN = "given"
    """Named by `--config`, or by the program."""


class PointStatus(StrEnum):
    """What became of one point of a sweep."""

    OK = "ok"
    """Measured."""
    INVALID = "invalid"
    """A sample was impossible, or a kernel wrong."""
    PARTIAL = "partial"
    """The run was interrupted in it."""
    DOES_NOT_FIT = "does_not_fit"
    """Memory does not hold its cache beside the weights."""
    REFUSED = "refused"
    """No kernel takes its shapes."""
    NOT_RUN = "not_run"
    """The run ended before it."""


class StepOutcome(StrEnum):
    """How a step that ran in a process of its own ended."""

    OK = "ok"
    INVALID = "invalid"
    """It came to its end, and its result is not to be used: exit code 1."""
    REFUSED = "refused"
    """It said in a sentence why it cannot be done here: exit code 2."""
    CRASHED = "crashed"
    """An exception, a signal or an exit in the middle of it."""
    HUNG = "hung"
    """It was ended at its limit."""
    OUT_OF_TIME = "out-of-time"
    """It was ended before its limit, as the time for all steps was over."""
    INTERRUPTED = "interrupted"
    """By the user."""
    STARTED = "started"
    """It had begun when this was last written: it took the machine or this program along."""
    NOT_RUN = "not-run"
    """It does not apply here, or there was no time left: `said` has the reason."""
