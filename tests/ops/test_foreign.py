"""What foreign code raises is a reason; what the user raises is not."""

import os
import signal
import threading

import pytest

from truetpot.errors import UserError
from truetpot.ops.foreign import describe, reason_of, shown


def raising(error):
    def call():
        raise error

    return call


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no\nmore"), "ValueError: no"),
        (ValueError("\x1b[2Jno"), r"ValueError: \x1b[2Jno"),
        (KeyError(), "KeyError"),
        (ImportError("No module named 'x'"), "No module named 'x'"),
        (UserError("Give another."), "Give another."),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (SilentError(), "SilentError"),
    ],
)
def test_whatever_is_raised_is_a_reason(error, reason):
    assert reason_of(raising(error)) == reason
    assert describe(error) == reason


def test_what_returns_has_none():
    assert reason_of(lambda: 3) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_user_interrupts(monkeypatch, number):
    """As Ctrl-C does: the handler that is in place is called, and what it raises passes."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            reason_of(lambda: os.kill(os.getpid(), number))
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_what_the_code_does_to_the_handlers_is_undone():
    before = signal.getsignal(signal.SIGINT)
    assert reason_of(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) is None
    assert signal.getsignal(signal.SIGINT) is before


def test_in_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(reason_of(raising(SystemExit("no")))))
    thread.start()
    thread.join()
    assert found == ["SystemExit: no"]


class Unprintable:
    def __repr__(self):
        raise RuntimeError


def test_a_value_in_a_sentence():
    assert shown(Unprintable()) == "some Unprintable"
    assert shown(Unprintable) == "Unprintable"
    assert shown("\x1b") == r"'\x1b'"
    assert len(shown("x" * 1000)) == 60
    assert shown(10**5000).startswith("some int")
