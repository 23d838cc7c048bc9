"""Slopes of runs that form a series, on numbers that can be added up by hand."""

import pytest

from truetpot.serving.series import Point, slopes

LLAMA = ("llama-bench", "llama 7B Q4_0", "", "Arc")


def test_over_the_depth():
    """25 ms, and 2 ms more for each thousand tokens; the floor has 7 and 1."""
    runs = [Point(LLAMA, d, 1.0, (25 + 2 * d / 1000) / 1e3, (7 + d / 1000) / 1e3)
            for d in (0, 1000, 4000, 16000)]  # fmt: skip
    (slope,) = slopes(runs)
    assert (slope.over, slope.runs, slope.least, slope.most) == ("depth", 4, 0, 16000)
    assert slope.ms_per_step == pytest.approx(2)
    assert slope.ms_at_zero == pytest.approx(25)
    assert slope.floor_ms_per_step == pytest.approx(1)
    assert slope.series == "llama-bench, llama 7B Q4_0, Arc"


def test_over_the_batch():
    runs = [Point(LLAMA, 1024, b, (20 + 0.5 * b) / 1e3) for b in (1, 4, 16)]
    (slope,) = slopes(runs)
    assert slope.over == "batch"
    assert slope.ms_per_step == pytest.approx(0.5)
    assert slope.floor_ms_per_step is None


def test_runs_that_contradict_each_other_are_no_series():
    """21.6 and 36.1 ms at one context: a setting that no file states. One slope a file then."""
    fast = [Point(LLAMA, d, 1.0, t, file=f"a/{f}") for f, d, t in (
        ("with.json", 2000, 0.0216), ("with.json", 34000, 0.0671),
        ("without.json", 2000, 0.0361), ("without.json", 34000, 0.0430),
    )]  # fmt: skip
    found = slopes(fast)
    assert [slope.ms_per_step for slope in found] == pytest.approx([45.5 / 32, 6.9 / 32])
    assert [slope.series.rpartition(", ")[2] for slope in found] == ["with.json", "without.json"]
    assert slopes([Point(LLAMA, p.context, 1.0, p.token_s, file="one") for p in fast]) == []


def test_both_and_neither():
    grid = [Point(LLAMA, d, b, (20 + b + d / 1000) / 1e3) for d in (1000, 8000) for b in (1, 8)]
    found = slopes(grid)
    assert [slope.over for slope in found] == ["depth", "depth", "batch", "batch"]
    assert [slope.ms_per_step for slope in found] == pytest.approx([1, 1, 1, 1])
    assert slopes(grid[:1]) == []
    other = Point(("vllm", "llama 7B"), 8000, 1, 0.03)
    assert slopes([grid[0], other]) == []
    # 1,000 and 1,200 tokens are one context
    assert slopes([grid[0], Point(LLAMA, 1200, 1, 0.02)]) == []
