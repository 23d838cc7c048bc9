"""Calls of a tokenizer library, which may raise anything for a file or a text.

A panic of Rust code arrives as a BaseException that is no Exception, and has printed itself on the
standard error by then.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from truetpot.errors import UserError
from truetpot.text import one_line, shortened


@contextmanager
def guarded(sentence: str) -> Iterator[None]:
    """Whatever is raised becomes a UserError: the sentence, a colon and the reason.

    It decorates a function too.
    """
    try:
        yield
    except (UserError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        reason = one_line(str(error)).rstrip(" .:") or type(error).__name__
        raise UserError(f"{sentence}: {shortened(reason, 200)}.") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what goes to the standard error of the process; after an error it is dropped."""
    try:
        held = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
        kept = os.dup(2)
    except OSError:  # there is no standard error, or nowhere to hold it
        yield
        return
    with held:
        _flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            _flush()
            os.dup2(kept, 2)
            os.close(kept)
        held.seek(0)
        if said := held.read():
            os.write(2, said)


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
