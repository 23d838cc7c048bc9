"""The verdict on a test and on a run, from how its processes ended and from its figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from truetpot.records.validate import Figure, Health, HeldTo, ValidatedTest
from truetpot.records.words import StepOutcome
from truetpot.validate.judge import Yardsticks, advice, decisive, sentence, worst

ENDED = {
    StepOutcome.INVALID: Health.FAIL,
    StepOutcome.REFUSED: Health.COULD_NOT_RUN,
    StepOutcome.CRASHED: Health.FAIL,
    StepOutcome.HUNG: Health.FAIL,
    StepOutcome.OUT_OF_TIME: Health.NOT_RUN,
    StepOutcome.INTERRUPTED: Health.NOT_RUN,
    StepOutcome.STARTED: Health.NOT_RUN,
    StepOutcome.NOT_RUN: Health.NOT_RUN,
}
"""What a process that did not come to a good end says; a good one leaves it to the figures."""
KILLED = -9
"""A process that the kernel ended for want of memory has this code; it says nothing of a card."""
REPEATABLE = (HeldTo.LIMIT, HeldTo.SISTERS, HeldTo.BASELINE)
FINISHED = (
    StepOutcome.OK, StepOutcome.INVALID, StepOutcome.REFUSED, StepOutcome.CRASHED, StepOutcome.HUNG,
)  # fmt: skip
"""A test that ended so is not run again by ``--resume``."""


def concluded(test: ValidatedTest, by: Yardsticks) -> ValidatedTest:
    """The test with its verdict, why, and what to do, by its figures; else as it ended."""
    if test.outcome is not StepOutcome.OK:
        verdict = ENDED[test.outcome]
        if test.outcome is StepOutcome.CRASHED and test.code == KILLED:
            verdict = Health.COULD_NOT_RUN
        return msgspec.structs.replace(test, verdict=verdict)
    if not test.figures:
        return msgspec.structs.replace(
            test, verdict=Health.COULD_NOT_RUN, said="its process ended well and left no figure"
        )
    verdict = worst(figure.verdict for figure in test.figures)
    said = do = ""
    found = decisive(test.figures)
    if found is not None:
        said, do = sentence(*found), advice(test.name, *found, by)
        do = do if said else ""
    return msgspec.structs.replace(test, verdict=verdict, said=said, do=do)


def overall(tests: Iterable[ValidatedTest]) -> Health:
    """The worst verdict of all tests."""
    return worst(test.verdict for test in tests)


def to_repeat(figures: Sequence[Figure]) -> bool:
    """Whether a figure is below a limit, and none is wrong: a wrong one is not measured away."""
    failed = [one for f in figures for one in f.judged if one.verdict is Health.FAIL]
    return bool(failed) and all(one.against in REPEATABLE for one in failed)


def exit_code(tests: Sequence[ValidatedTest], strict: bool) -> int:
    """0 healthy, 1 a failure, 2 could not run, 3 a warning under ``--strict``."""
    verdicts = {test.verdict for test in tests}
    if Health.FAIL in verdicts:
        return 1
    if Health.COULD_NOT_RUN in verdicts or verdicts <= {Health.NOT_RUN}:
        return 2
    return 3 if strict and Health.WARN in verdicts else 0
