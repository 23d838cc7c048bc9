"""Whatever a kernel raises is its fault; what the user does is not."""

import os
import signal

import pytest

from truetpot.errors import KernelError, UserError
from truetpot.ops.guard import guarded


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no\nmore"), "ValueError: no"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_whatever_is_raised_is_the_kernels_fault(error, reason):
    with pytest.raises(KernelError) as caught, guarded("pack"):
        raise error
    assert str(caught.value) == f"pack: {reason}"


@pytest.mark.parametrize("error", [UserError("free some"), KernelError("wrong")])
def test_what_has_its_sentence_passes(error):
    with pytest.raises(type(error)) as caught, guarded("pack"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_user_interrupts(number):
    """As Ctrl-C does: the handler that is in place is called, and what it raises passes."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), guarded():
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_what_the_code_does_to_the_handlers_is_undone():
    before = signal.getsignal(signal.SIGINT)
    with guarded():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) is before
