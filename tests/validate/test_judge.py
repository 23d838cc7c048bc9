"""Verdicts: by limits, by physics, by what is right, by sisters, by a baseline."""

import re

import pytest
from msgspec.structs import replace

from tests.validate.made import FIGURES, reading, record, row
from truetpot.errors import UserError
from truetpot.facts.hardware import all_hardware
from truetpot.records.validate import Health, HeldTo
from truetpot.records.words import StepOutcome
from truetpot.validate.baseline import held_to, make_baseline
from truetpot.validate.conclude import exit_code, to_repeat
from truetpot.validate.judge import Yardsticks, decisive, judged
from truetpot.validate.limits import load_limits
from truetpot.validate.measured import Reading, errors
from truetpot.validate.plan import Level, jobs, load_tests


def verdict(test, name, value, card="arc-pro-b60"):
    by = Yardsticks(load_limits(), card)
    return judged(test, reading(test, name, value), [value], by).verdict


@pytest.mark.parametrize(
    ("test", "name", "value", "right"),
    [
        ("bandwidth", "read", 453.0, Health.PASS),  # what a B60 was measured to read
        ("bandwidth", "read", 405.0, Health.FAIL),
        ("bandwidth", "read", 538.0, Health.COULD_NOT_RUN),  # a published figure beyond 456
        ("bandwidth", "copy", 361.0, Health.PASS),  # Intel's own reference
        ("bandwidth", "copy", 300.0, Health.FAIL),
        ("compute", "fp16 at clock", 0.80, Health.FAIL),
        ("compute", "fp16", 65.0, Health.WARN),
        ("compute", "fp16", 50.0, Health.FAIL),
        ("link", "host to device", 28.65, Health.PASS),
        ("link", "host to device", 13.8, Health.FAIL),
        ("step", "step", 12.0, Health.NOT_JUDGED),
    ],
)
def test_limits(test, name, value, right):
    assert verdict(test, name, value) is right


def test_a_cards_own_limit_goes_before_that_of_any():
    """An A770 reads 398 to 421 of 560 GB/s and is healthy; a card without an entry is not."""
    read = Reading(name="read", value=410.0, unit="GB/s", better="higher", expected=560.0)
    limits = load_limits()
    assert judged("bandwidth", read, [410.0], Yardsticks(limits, "arc-a770")).verdict is Health.PASS
    assert judged("bandwidth", read, [410.0], Yardsticks(limits, None)).verdict is Health.FAIL


def test_what_nothing_is_known_of_is_not_passed():
    read = Reading(name="read", value=410.0, unit="GB/s", better="higher")
    found = judged("bandwidth", read, [410.0], Yardsticks(load_limits(), None))
    assert found.verdict is Health.NOT_JUDGED
    assert row("bandwidth", "xpu:0", [read]).verdict is Health.NOT_JUDGED


def test_one_wrong_run_of_three_is_wrong():
    found = judged("x", errors("bad words", 0), [0, 3, 0], Yardsticks(load_limits(), None))
    assert (found.value, found.verdict) == (3, Health.FAIL)
    assert not to_repeat([found])


def test_the_median_of_three_decides():
    by = Yardsticks(load_limits(), "arc-pro-b60")
    slow_once = judged("bandwidth", reading("bandwidth", "read", 450.0), [300, 440, 450], by)
    assert (slow_once.value, slow_once.verdict) == (440, Health.PASS)
    slow = judged("bandwidth", reading("bandwidth", "read", 300.0), [300, 440, 310], by)
    assert slow.verdict is Health.FAIL
    assert to_repeat([slow])
    impossible = judged("bandwidth", reading("bandwidth", "read", 450.0), [500, 440, 450], by)
    assert impossible.verdict is Health.COULD_NOT_RUN  # one sample that cannot be true


def test_a_low_clock_and_a_slow_kernel_are_told_apart():
    rate = reading("compute", "fp16", 50.0)
    low = row("compute", "xpu:0", [reading("compute", "fp16 at clock", 0.97), rate])
    slow = row("compute", "xpu:0", [reading("compute", "fp16 at clock", 0.5), rate])
    assert low.verdict is slow.verdict is Health.FAIL
    assert low.said.startswith("fp16 is 50 TFLOPS") and "clock is low" in low.do
    assert slow.said.startswith("fp16 at clock is 0.5") and "kernel slow" in slow.do


def test_sisters():
    healthy = record()
    assert healthy.verdict is Health.PASS
    odd = record(changed={(2, "bandwidth", "read"): 0.935})
    (bad,) = [one for one in odd.tests if one.verdict is not Health.PASS]
    assert (bad.name, bad.device, bad.verdict) == ("bandwidth", "xpu:2", Health.WARN)
    assert "sisters" in bad.said and "swap the card" in bad.do
    worse = record(changed={(1, "step", "step"): 1.2})
    (bad,) = [one for one in worse.tests if one.verdict is not Health.PASS]
    assert (bad.name, bad.device, bad.verdict) == ("step", "xpu:1", Health.FAIL)


def test_of_two_sisters_the_worse_is_warned_of():
    odd = record(cards=2, changed={(0, "step", "step"): 1.3, (1, "step", "step"): 1.0})
    (bad,) = [one for one in odd.tests if one.verdict is not Health.PASS]
    assert (bad.device, bad.verdict) == ("xpu:0", Health.WARN)


def test_a_better_card_is_no_outlier():
    assert record(changed={(0, "step", "step"): 0.5}).verdict is Health.PASS


@pytest.mark.parametrize(("test", "name"), FIGURES)
def test_a_baseline_fails_in_the_right_place(test, name):
    mine = record()
    baseline = make_baseline(mine)
    assert held_to(mine, baseline, "b").verdict is Health.PASS
    factor = 1.15 if FIGURES[test, name][2] == "higher" else 0.85
    changed = [
        one if (one.test, one.figure) != (test, name) else _replaced(one, factor)
        for one in baseline.figures
    ]
    held = held_to(mine, _replaced_figures(baseline, changed), "b")
    failed = [(one.name, one.device) for one in held.tests if one.verdict is Health.FAIL]
    assert failed == [(test, f"xpu:{i}") for i in range(4)]
    for one in held.tests:
        for figure in one.figures:
            by = [held for held in figure.judged if held.verdict is Health.FAIL]
            right = [HeldTo.BASELINE] if (one.name, figure.name) == (test, name) else []
            assert [held.against for held in by] == right


def test_no_baseline_of_a_sick_machine_or_of_other_cards():
    sick = record(changed={(0, "bandwidth", "read"): 0.5})
    with pytest.raises(UserError, match="verdict is fail"):
        make_baseline(sick)
    with pytest.raises(UserError, match="--small"):
        make_baseline(record(small=True))
    other = make_baseline(record())
    other = _replaced_figures(other, [_replaced(one, 1.0, card="a card") for one in other.figures])
    with pytest.raises(UserError, match="which is of a card"):
        held_to(record(), other, "b.json")


def test_exit_codes():
    def of(*verdicts):
        made = [row("x", "xpu:0", []) for _ in verdicts]
        return [_replaced_verdict(one, v) for one, v in zip(made, verdicts, strict=True)]

    assert exit_code(of(Health.PASS, Health.NOT_JUDGED, Health.NOT_RUN), strict=True) == 0
    assert exit_code(of(Health.PASS, Health.WARN), strict=False) == 0
    assert exit_code(of(Health.PASS, Health.WARN), strict=True) == 3
    assert exit_code(of(Health.PASS, Health.COULD_NOT_RUN, Health.WARN), strict=True) == 2
    assert exit_code(of(Health.FAIL, Health.COULD_NOT_RUN), strict=False) == 1
    assert exit_code(of(Health.NOT_RUN), strict=False) == 2


@pytest.mark.parametrize(
    ("outcome", "code", "right"),
    [
        (StepOutcome.CRASHED, -11, Health.FAIL),
        (StepOutcome.CRASHED, -9, Health.COULD_NOT_RUN),
        (StepOutcome.HUNG, -6, Health.FAIL),
        (StepOutcome.REFUSED, 2, Health.COULD_NOT_RUN),
        (StepOutcome.INVALID, 1, Health.FAIL),
        (StepOutcome.NOT_RUN, None, Health.NOT_RUN),
        (StepOutcome.OK, 0, Health.COULD_NOT_RUN),  # an exit in the middle, with nothing left
    ],
)
def test_how_a_process_ended(outcome, code, right):
    assert row("x", "xpu:0", [], outcome, code=code).verdict is right


def test_the_table_of_limits():
    """Each entry is of a test that there is, of a card that is known, and says one thing."""
    tests = {one.name for one in load_tests()}
    assert set(load_limits().wrong) == tests
    for one in load_limits().limits:
        assert one.test in tests
        assert one.card == "" or one.card in all_hardware()
        given = [one.share, one.least, one.most].count(None)
        assert given == 2 or (given == 3 and one.warn is not None)
        assert one.source and one.do
        re.compile(one.figure)
        if one.share is not None and one.warn is not None:
            assert one.share < one.warn <= 1


def test_the_plan():
    tests = load_tests()
    assert {one.name for one in tests if one.quick} < {one.name for one in tests if one.medium}
    assert {one.name for one in tests if one.medium} < {one.name for one in tests if one.long}
    for level, minutes in ((Level.QUICK, 1), (Level.MEDIUM, 5), (Level.LONG, 30)):
        parts = [part for one in tests if (part := one.part(level))]
        assert minutes * 60 / 3 < sum(part.seconds for part in parts) <= minutes * 60
        assert all(part.limit_s > part.seconds for part in parts)
    two = list(jobs(tests, Level.MEDIUM, ["xpu:0", "xpu:1"]))
    assert sum(one.test.name == "bandwidth" for one in two) == 2
    assert [one.where for one in two if one.test.name == "collectives"] == ["all"]
    one_card = {one.test.name: one.why_not for one in jobs(tests, Level.MEDIUM, ["xpu:0"])}
    assert "needs 2 cards" in one_card["collectives"] and not one_card["bandwidth"]
    opencl = {one.test.name: one.why_not for one in jobs(tests, Level.MEDIUM, ["opencl:gpu"])}
    assert "opencl" in opencl["compute"] and not opencl["bandwidth"]


def test_the_line_of_a_test_shows_what_decides():
    tests = row("bandwidth", "xpu:0", [errors("wrong", 0), reading("bandwidth", "read", 440.0)])
    figure, held = decisive(tests.figures)
    assert (figure.name, held.against) == ("read", HeldTo.LIMIT)


def _replaced(one, factor, **more):
    return replace(one, value=one.value * factor, **more)


def _replaced_figures(baseline, figures):
    return replace(baseline, figures=figures)


def _replaced_verdict(one, verdict):
    return replace(one, verdict=verdict)

