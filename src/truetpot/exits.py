"""What the exit codes of every command mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """As a shell sees them; a signal's are 128 and its number, as a shell has it."""

    OK = 0
    INVALID = 1
    """The run came to its end, and its result is not to be used: a kernel is wrong, a sample cannot
    be true, a finding is an error."""
    MISTAKE = 2
    """What was asked for cannot be done, or a file or the output cannot be written."""
    WARNING = 3
    """Of `validate --strict`: nothing failed, and something is to be looked at."""
    CRASH = 70
    """A fault of truetpot's own. ``EX_SOFTWARE`` of ``sysexits.h``."""
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143
