"""What a user is told of an exception that nobody took: one sentence, never a traceback."""

from __future__ import annotations

import errno
import os
import platform
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator

from truetpot import __version__
from truetpot.errors import KernelError, ReportedError, UserError
from truetpot.exits import ExitCode
from truetpot.text import one_line

KEEP = "TRUETPOT_KEEP_TRACEBACKS"
"""Set where the traceback of a lack of memory is wanted as well, as ``truetpot contact`` does."""
_NO_MEMORY = (
    "can't allocate memory", "cannot allocate memory", "out of memory", "can't start new thread",
    "failed to map segment", "unable to mmap",
)  # fmt: skip
"""How libraries say it in errors of other types: torch, the loader, threads."""
_UNPARSED = "Environment variable '"
"""How numba begins to warn of a variable that it cannot read; see :mod:`.environment`."""


def explain(error: BaseException) -> tuple[str, ExitCode]:
    """The sentence, and the exit code that goes with it; a crash's traceback is put into a file."""
    if isinstance(error, UserError):
        return str(error), ExitCode.MISTAKE
    if isinstance(error, KernelError):
        return f"{error}.", ExitCode.INVALID
    if isinstance(error, ReportedError):
        return str(error), ExitCode.CRASH
    if isinstance(error, RuntimeWarning) and str(error).startswith(_UNPARSED):
        name, value = str(error).split("'")[1:4:2]
        return f"{name}={value} is not a value that it can have; unset it.", ExitCode.MISTAKE
    if any(map(_lacks_memory, _chain(error))):
        reason = (one_line(str(error)) or type(error).__name__).rstrip(".")
        told = f"There is not enough memory ({reason}); choose a smaller case, or free some."
        if KEEP in os.environ:  # for who cannot run it again with a debugger
            _keep(error)
        return told, ExitCode.MISTAKE
    what = one_line(f"{type(error).__name__}: {error}").rstrip(".: ")
    told = f"A fault of truetpot's own, {what}; please report it with {_keep(error)}."
    return told, ExitCode.CRASH


def _keep(error: BaseException) -> str:
    """Write the traceback into a new file of the temporary folder; the file, or the place."""
    head = f"truetpot {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    try:
        text = "".join(traceback.format_exception(error))
        number, path = tempfile.mkstemp(prefix="truetpot-crash-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{head}{shlex.join(sys.argv)}\n\n{text}")
    except OSError:
        last = traceback.extract_tb(error.__traceback__)[-1:]
        return f"its place, {last[0].filename}:{last[0].lineno}" if last else "the command"
    return f"the traceback in {path}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised for; a chain may be a circle."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _lacks_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError | ImportError | OSError) and any(
        sign in text for sign in _NO_MEMORY
    )
