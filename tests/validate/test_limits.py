"""The table of limits: every entry judges something."""

import re

import pytest

from truetpot.validate.limits import load_limits

FIGURES = {
    "bandwidth": ["read", "copy", "triad"],
    "compute": [f"{dtype}{at}" for dtype in ("fp16", "bf16", "int8") for at in ("", " at clock")],
}
"""Of the tests that have limits by card."""


JUDGED = [one for one in load_limits().limits if one.test in FIGURES]


@pytest.mark.parametrize("one", JUDGED, ids=lambda one: f"{one.test} {one.figure} {one.card}")
def test_no_entry_hides_behind_an_earlier_one(one):
    """An expression that fits the figures of a later entry too would judge them by its share."""
    meant = [each for each in FIGURES[one.test] if re.fullmatch(one.figure, each)]
    found = [load_limits().find(one.test, each, one.card or "arc-pro-b60") for each in meant]
    assert one in found


def test_int8_of_an_h200_has_its_own():
    assert load_limits().find("compute", "int8 at clock", "h200").figure == "int8 at clock"
