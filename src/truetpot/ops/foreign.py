"""Code of others runs inside these: what it raises becomes a reason, and never ends a command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from truetpot.errors import UserError
from truetpot.text import escaped, one_line

STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")


def describe(error: BaseException) -> str:
    """Type and first line, escaped; the message alone of a failed import and of a UserError."""
    try:
        text = one_line(str(error))
    except Exception:  # noqa: BLE001
        # its __str__ is foreign code as well
        text = ""
    kind = type(error).__name__
    if isinstance(error, ImportError | UserError) and text:
        return text
    return f"{kind}: {text}" if text else kind


def shown(value: object) -> str:
    """A value as a sentence can hold it: a class by its name, anything else by a short repr."""
    try:
        text = value.__name__ if isinstance(value, type) else repr(value)
    except Exception:  # noqa: BLE001
        # so is its __repr__
        text = f"some {type(value).__name__}"
    return escaped(text if len(text) <= 60 else text[:57] + "...")


def reason_of(call: Callable[[], Any]) -> str | None:
    """What the call raises, :func:`describe`-d; None where it returns.

    ``SystemExit`` and ``KeyboardInterrupt`` are reasons as any other, if the code raises them
    itself: where the user interrupts, that passes through.
    """
    with _signals() as arrived:
        try:
            call()
        except BaseException as error:
            if arrived:
                raise
            return describe(error)
    return None


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The numbers of stopping signals that arrive meanwhile, each handled as before."""
    arrived: list[int] = []
    before: dict[int, Any] = {}

    def noting(handler: Callable[..., Any]) -> Callable[..., Any]:
        def handle(number: int, frame: Any) -> None:
            arrived.append(number)
            handler(number, frame)

        return handle

    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        for name in STOPPING:
            number = getattr(signal, name, None)  # Windows has not all of them
            if number is not None and callable(handler := signal.getsignal(number)):
                before[number] = signal.signal(number, noting(handler))
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
