"""What foreign code raises and returns, in a sentence."""

import pytest

from truetpot.errors import UserError
from truetpot.ops.foreign import describe, shown


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
    assert describe(error) == reason


class Unprintable:
    def __repr__(self):
        raise RuntimeError


def test_a_value_in_a_sentence():
    assert shown(Unprintable()) == "some Unprintable"
    assert shown(Unprintable) == "Unprintable"
    assert shown("\x1b") == r"'\x1b'"
    assert len(shown("x" * 1000)) == 60
    assert shown(10**5000).startswith("some int")
