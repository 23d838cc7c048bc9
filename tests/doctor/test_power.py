"""Power limits by the files that a driver and a kernel have, on trees that are made."""

import pytest

from truetpot.doctor.cards import find_cards
from truetpot.doctor.finding import Level
from truetpot.doctor.judge_cards import judge_cards
from truetpot.doctor.machine import look


def power(made):
    return [finding for finding in judge_cards(look(made.root, {})) if finding.about == "power"]


@pytest.fixture
def b580(made):
    return made.card(1, 0xE20B, made.X8, driver="xe")


def test_a_b580_on_a_new_kernel_capped_at_35_watts(made, b580):
    made.hwmon(b580, "xe", power1_cap=35_000_000, power1_crit=300_000_000)
    burst, critical = find_cards(made.root)[0].power
    assert (burst.kind, burst.limit_w, burst.rated_w, burst.rated_by) == (
        "burst", 35, 190, "datasheet",
    )  # fmt: skip
    assert (critical.kind, critical.limit_w, critical.lowered) == ("critical", 300, False)
    (finding,) = power(made)
    assert finding.level is Level.WARN
    assert "burst limit of the card at 35 of 190 W, by its datasheet" in finding.what
    assert "power1_cap" in finding.do


def test_limits_of_a_card_as_it_is_sold(made, b580):
    made.hwmon(
        b580, "xe", power1_max=190_000_000, power1_cap=228_000_000, power1_crit=340_000_000,
        power2_max=160_000_000, power2_cap=180_000_000,
    )  # fmt: skip
    assert power(made) == []
    assert [(limit.what, limit.kind) for limit in find_cards(made.root)[0].power] == [
        ("card", "sustained"), ("card", "burst"), ("card", "critical"),
        ("package", "sustained"), ("package", "burst"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"power1_max": 120_000_000}, "sustained limit of the card at 120 of 190 W"),
        ({"power1_crit": 90_000_000}, "critical limit of the card at 90 of 190 W"),
        ({"power2_max": 60_000_000}, "sustained limit of the package at 60 of 190 W"),
        ({"power2_cap": 35_000_000}, "burst limit of the package at 35 of 190 W"),
        ({"power1_max": 150_000_000, "power1_rated_max": 180_000_000}, "at 150 of 180 W"),
        ({"power2_max": 100_000_000, "power2_rated_max": 150_000_000}, "at 100 of 150 W"),
    ],
)
def test_any_of_the_limits_may_be_the_low_one(made, b580, files, says):
    made.hwmon(b580, "xe", **files)
    (finding,) = power(made)
    assert says in finding.what
    assert ("datasheet" in finding.what) == (not any("rated" in name for name in files))


def test_without_a_datasheet_and_a_rated_power_a_limit_is_shown_only(made):
    gpu = made.card(1, 0xE212, made.X8, driver="xe")  # B50: not in the tables
    made.hwmon(gpu, "xe", power1_max=35_000_000)
    (limit,) = find_cards(made.root)[0].power
    assert (limit.limit_w, limit.rated_w, limit.rated_by) == (35, None, None)
    assert power(made) == []
