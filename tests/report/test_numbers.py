import pytest

from truetpot.report.numbers import bar, count_of, digits, gigabytes, microseconds, percent
from truetpot.text import gib


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (30657.55, "30,658"),
        (1000, "1,000"),
        (569.56, "569.6"),
        (14.3981, "14.40"),
        (1.04857, "1.049"),
        (0.0123, "0.012"),
        (0.00002, "2.0e-05"),
    ],
)
def test_digits(value, text):
    assert digits(value) == text


def test_units():
    assert microseconds(24.01e-3) == "24,010"
    assert percent(0.9343) == "93.4 %"
    assert percent(None) == "-"
    assert gigabytes(17.379e9) == "17.379 GB"
    assert gib(3 << 29) == "1.5 GiB"
    assert (count_of(1, "layer"), count_of(64, "layer")) == ("1 layer", "64 layers")


def test_bars():
    assert bar(4, 4, width=10) == "█" * 10
    assert bar(2, 4, width=10) == "█" * 5
    assert bar(1, 16, width=10) == "▋"
    assert bar(1e-9, 1, width=10) == "▏", "what is there is seen"
    assert bar(9, 4, width=10) == "█" * 10
    assert bar(0, 4) == bar(1, 0) == ""
