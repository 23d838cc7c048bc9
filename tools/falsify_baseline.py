"""Does `truetpot validate` fail in the right place? Falsify a baseline, one figure after the other.

    python tools/falsify_baseline.py RECORD [SHARE]

RECORD is that of `truetpot validate --json` on a healthy machine; nothing is measured again. Its
figures are made a baseline, one figure of it is made better by SHARE (0.15), and the record is held
against that. The test of this figure has to fail by it, every card of its kind, and nothing else.
Exits with 1 where anything else happens, or where the true baseline fails something.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec

from truetpot.errors import UserError
from truetpot.records.store import read_record
from truetpot.records.validate import (
    BaselineFigure,
    BaselineRecord,
    Health,
    HeldTo,
    ValidateRecord,
)
from truetpot.report.table import Table, name, number
from truetpot.report.terminal import Terminal
from truetpot.validate.baseline import held_to, kind_of, kinds, make_baseline

SHARE = 0.15
Key = tuple[str, str, str]
"""Test, figure and kind of card."""


def falsified(baseline: BaselineRecord, share: float) -> Iterator[tuple[Key, BaselineRecord]]:
    """A baseline for each figure, in which this one is better by ``share``."""
    for i, one in enumerate(baseline.figures):
        better = one.value * (1 + share if one.better == "higher" else 1 - share)
        changed = msgspec.structs.replace(one, value=better)
        figures = [*baseline.figures[:i], changed, *baseline.figures[i + 1 :]]
        yield _key(one), msgspec.structs.replace(baseline, figures=figures)


def below(record: ValidateRecord, baseline: BaselineRecord) -> set[Key]:
    """Figures that fail by the baseline, where the test fails as well."""
    held, known = held_to(record, baseline, "the baseline"), kinds(record)
    return {
        (test.name, figure.name, kind_of(test, known))
        for test in held.tests
        if test.verdict is Health.FAIL
        for figure in test.figures
        for one in figure.judged
        if one.against is HeldTo.BASELINE and one.verdict is Health.FAIL
    }


def _key(one: BaselineFigure) -> Key:
    return one.test, one.figure, one.card


def main(words: list[str]) -> int:
    """The exit code."""
    terminal = Terminal()
    try:
        record = read_record(words[0], ValidateRecord, "a record of truetpot validate --json")
        baseline = make_baseline(record)
    except (UserError, IndexError) as error:
        terminal.status(str(error) if isinstance(error, UserError) else (__doc__ or ""))
        return 2
    share = float(words[1]) if len(words) > 1 else SHARE
    table = Table(name("test"), name("figure"), number("true"), number("falsified"), name("fails"))
    wrong = len(below(record, baseline))
    table.row("all", "none is falsified", "", "", "nothing" if not wrong else "something")
    for key, false in falsified(baseline, share):
        true = next(one.value for one in baseline.figures if _key(one) == key)
        value = next(one.value for one in false.figures if _key(one) == key)
        found = below(record, false)
        right = found == {key}
        wrong += not right
        said = "it alone" if right else ", ".join(map(str, sorted(found))) or "nothing"
        table.row(key[0], key[1], f"{true:.4g}", f"{value:.4g}", said)
    terminal.show(table)
    right_ones = len(baseline.figures) - wrong
    terminal.show(f"{right_ones} of {len(baseline.figures)} figures fail alone, in their test.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
