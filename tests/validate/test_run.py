"""The runner, with processes that crash, hang, lie and are slow: what is left of a run."""

import os
import signal
import threading
import time

import pytest

from tests.records.kept import written
from tests.validate.conftest import TESTS, baseline
from tests.validate.fake import FAILURES
from truetpot.errors import UserError
from truetpot.records.validate import Health, ValidateRecord
from truetpot.records.words import StepOutcome

RIGHT = {
    "hang": (Health.FAIL, StepOutcome.HUNG, "not done after"),
    "segfault": (Health.FAIL, StepOutcome.CRASHED, "SIGSEGV"),
    "exit": (Health.COULD_NOT_RUN, StepOutcome.OK, "left no figure"),
    "killed": (Health.COULD_NOT_RUN, StepOutcome.CRASHED, "memory runs out"),
    "memory": (Health.COULD_NOT_RUN, StepOutcome.REFUSED, "no memory left"),
    "exception": (Health.FAIL, StepOutcome.CRASHED, "LookupError: planted"),
    "wrong": (Health.FAIL, StepOutcome.INVALID, "the sum is wrong"),
    "gone": (Health.FAIL, StepOutcome.INVALID, "The card is gone"),
    "absent": (Health.NOT_RUN, StepOutcome.NOT_RUN, "it has none"),
    "garbage": (Health.COULD_NOT_RUN, StepOutcome.OK, "left no figure"),
}
assert set(RIGHT) == set(FAILURES)


@pytest.mark.parametrize("kind", FAILURES)
def test_whatever_a_test_does_is_named_and_the_others_go_on(fake, kind):
    run = fake({"one": [kind]}, limit_s=10.0 if kind == "hang" else 60.0)
    rows = list(run.run())
    verdict, outcome, said = RIGHT[kind]
    assert (rows[0].verdict, rows[0].outcome) == (verdict, outcome)
    assert said in rows[0].said
    assert rows[0].seconds >= (10.0 if kind == "hang" else 0.0)
    if kind in ("segfault", "exception", "hang"):
        assert "in fail" in rows[0].traceback
    assert rows[1].verdict is Health.NOT_JUDGED
    assert run.calls("one") == 1  # a failure that is no figure is not measured away
    assert not run.record().partial


def test_a_figure_below_a_limit_is_measured_three_times(fake):
    run = fake({"one": [80.0, 99.0, 98.0]}, baseline=baseline(), baseline_file="b.json")
    rows = list(run.run())
    (figure,) = rows[0].figures
    assert figure.attempts == [80.0, 99.0, 98.0]
    assert (figure.value, rows[0].verdict) == (98.0, Health.PASS)
    assert run.calls("two") == 1


def test_one_good_run_of_three_is_no_mean_of_two(fake):
    run = fake({"one": [80.0, 120.0, 81.0]}, baseline=baseline())
    (figure,) = next(run.run()).figures
    assert (figure.attempts, figure.value) == ([80.0, 120.0, 81.0], 81.0)
    assert figure.verdict is Health.FAIL


def test_one_that_is_slow_three_times_fails(fake):
    run = fake({"one": [80.0, 99.0, 81.0]}, baseline=baseline(), baseline_file="b.json")
    rows = list(run.run())
    assert rows[0].verdict is Health.FAIL
    assert rows[0].said == "rate is 81 GB/s, 19.0% below the baseline, 100"
    assert "clocks" in rows[0].do
    assert run.record().verdict is Health.FAIL


def test_it_cools_down_between(fake):
    run = fake({"one": [80.0]}, baseline=baseline(), cool_s=0.7)
    begun = time.monotonic()
    list(run.run())
    assert time.monotonic() - begun > 1.4


def test_a_crash_in_the_second_of_three_is_told(fake):
    run = fake({"one": [80.0, "segfault"]}, baseline=baseline())
    rows = list(run.run())
    assert (rows[0].verdict, rows[0].outcome) == (Health.FAIL, StepOutcome.CRASHED)
    assert rows[0].figures[0].attempts == [80.0]


def test_what_only_sisters_show_is_measured_three_times_too(fake):
    plan = {"one xpu:1": [70.0, 71.0, 69.0], "two xpu:1": [70.0, 101.0, 99.0]}
    run = fake(plan, cards=3)
    list(run.run())
    record = run.record()
    bad = [(row.name, row.device, row.verdict) for row in record.tests if row.said]
    assert bad == [("one", "xpu:1", Health.FAIL)]
    assert run.calls("one", 1) == run.calls("two", 1) == 3
    assert run.calls("one", 0) == 1


def test_the_record_is_whole_after_each_test(fake):
    run = fake(cards=2)
    list(run.run())
    states = [[row.outcome for row in record.tests] for record in run.written]
    assert states[0] == [StepOutcome.STARTED]
    assert states[1] == [StepOutcome.OK]
    assert states[2] == [StepOutcome.OK, StepOutcome.STARTED]
    assert all(record.partial for record in run.written[:-1])
    assert not run.written[-1].partial
    for record in run.written:
        assert written(record)["kind"] == "validate"


def test_ctrl_c_keeps_what_is_finished(fake):
    run = fake({"two": ["hang"]}, limit_s=120.0)
    timer = threading.Timer(4.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(run.run())
    timer.join()
    record = run.record()
    assert record.partial
    assert [row.outcome for row in record.tests] == [StepOutcome.OK, StepOutcome.INTERRUPTED]


def test_cards_are_tested_at_once_where_the_plan_says_so(fake):
    """Each waits for the others: one after the other none would come to its end."""
    run = fake({"one": ["meet"], "two xpu:1": ["segfault"]}, cards=3, together=True)
    list(run.run())
    verdicts = {(row.name, row.device): row.verdict for row in run.record().tests}
    bad = {place for place, verdict in verdicts.items() if verdict is not Health.PASS}
    assert bad == {("two", "xpu:1")}


def test_ctrl_c_ends_all_that_run_at_once(fake):
    run = fake({"one": ["hang"]}, cards=3, together=True, limit_s=300.0)
    timer = threading.Timer(4.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(run.run())
    timer.join()
    assert time.monotonic() - begun < 60
    assert [row.outcome for row in run.record().tests] == [StepOutcome.INTERRUPTED] * 3


def test_a_run_goes_on_from_what_is_finished(fake):
    first = fake({"two": [100.0]}, cards=2)
    rows = first.run()
    done = [next(rows), next(rows)]
    before = first.written[-1]
    again = fake({"one": ["segfault"]}, cards=2, done=done)
    again.check_resumed(before)
    rows = list(again.run())
    assert [(row.name, row.device) for row in rows] == [
        (name, f"xpu:{i}") for name in TESTS for i in range(2)
    ]
    assert all(row.verdict is Health.PASS for row in again.record().tests)  # by their sisters


def test_a_run_of_other_cards_is_not_gone_on_from(fake):
    before = fake(cards=2).record()
    with pytest.raises(UserError, match="other cards"):
        fake(cards=1).check_resumed(before)
    with pytest.raises(UserError, match="level quick"):
        fake(cards=2, small=True).check_resumed(before)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [(None, 2.0, "has no --seconds;"), (2.0, None, "has --seconds 2;"), (2.0, 2.5, "--seconds 2;")],
)
def test_a_run_of_other_seconds_is_not_gone_on_from(fake, before, now, said):
    """Its figures are of shorter measurements, or longer ones."""
    record = fake(seconds=before).record()
    fake(seconds=before).check_resumed(record)
    with pytest.raises(UserError, match=said):
        fake(seconds=now).check_resumed(record)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("segfault", r"did not end well \(ended by SIGSEGV\)"),
        ("memory", r"^xpu:0 has no memory left; stop what else uses it\.$"),
        ("garbage", r"did not end well \(it left nothing\)"),
    ],
)
def test_a_driver_that_lists_no_devices_is_a_sentence(fake, kind, said):
    with pytest.raises(UserError, match=said):
        fake({"devices": kind})


def test_records_of_runs_are_records(fake):
    run = fake({"one": ["segfault"]}, cards=2)
    list(run.run())
    assert isinstance(run.record(), ValidateRecord)
    assert [one.kind_of_card for one in run.record().devices] == ["A card", "A card"]
