"""What a machine that is trusted measured, made from its record and held against another's."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median

import msgspec

from truetpot.errors import UserError
from truetpot.records.store import read_record
from truetpot.records.validate import (
    BaselineFigure,
    BaselineRecord,
    Figure,
    HeldTo,
    ValidatedTest,
    ValidateRecord,
)
from truetpot.validate.judge import Yardsticks, against, with_judgement
from truetpot.validate.limits import load_limits

HOST = "host"
WHAT = "a baseline that truetpot validate --make-baseline wrote"


def read_baseline(path: str | Path) -> BaselineRecord:
    """Raises UserError for any other file."""
    return read_record(path, BaselineRecord, WHAT)


def kinds(record: ValidateRecord) -> dict[str, str]:
    """The kind of card of each device."""
    return {one.device: one.kind_of_card for one in record.devices}


def kind_of(test: ValidatedTest, known: dict[str, str]) -> str:
    """Whose figures a test has: a kind of card, several of them, or the host."""
    if test.device in known:
        return known[test.device]
    return HOST if test.device == HOST else f"{len(known)} x {', '.join(sorted({*known.values()}))}"


def make_baseline(record: ValidateRecord) -> BaselineRecord:
    """The median of equal cards for each figure by which they can be compared.

    Raises UserError for a run that was not finished, at small sizes, or where something failed.
    """
    if record.small:
        raise UserError("Figures of --small say nothing of a card; make the baseline without it.")
    if record.partial or record.verdict in ("fail", "could-not-run", "not-run"):
        raise UserError(
            f"The run's verdict is {record.verdict}{', and it is partial' * record.partial}: it is "
            "no baseline; mend what it names and run again."
        )
    known = kinds(record)
    values: dict[tuple[str, str, str], list[Figure]] = defaultdict(list)
    for test in record.tests:
        for figure in test.figures:
            if figure.compared and figure.value > 0:
                values[test.name, figure.name, kind_of(test, known)].append(figure)
    return BaselineRecord(
        started=record.started,
        command=record.command,
        truetpot=record.truetpot,
        level=record.level,
        host=record.host,
        figures=[
            BaselineFigure(
                test=test, figure=name, card=card, cards=len(found), unit=found[0].unit,
                value=median(one.value for one in found), better=found[0].better,
            )
            for (test, name, card), found in values.items()
        ],
    )  # fmt: skip


def held_to(record: ValidateRecord, baseline: BaselineRecord, file: str) -> ValidateRecord:
    """The record with its figures held against another baseline; nothing is measured.

    What was judged by limits and sisters stays. Raises UserError where no figure is in the
    baseline: it is of other cards.
    """
    from truetpot.validate.conclude import concluded, overall

    known, limits = kinds(record), load_limits()
    hardware = {one.device: one.hardware for one in record.devices}
    tests, met = [], False
    for test in record.tests:
        card = kind_of(test, known)
        of_card = [one for one in baseline.figures if one.card == card]
        by = Yardsticks(limits, hardware.get(test.device), of_card, file)
        figures = []
        for figure in test.figures:
            trusted = by.trusted(test.name, figure.name)
            if trusted is not None:
                met = True
                source = f"{trusted.cards} of {file}"
                figure = with_judgement(
                    figure,
                    against(HeldTo.BASELINE, trusted.value, figure.better, figure.value,
                            limits.baseline, source),
                )  # fmt: skip
            figures.append(figure)
        tests.append(concluded(msgspec.structs.replace(test, figures=figures), by))
    if not met:
        raise UserError(
            f"No figure of this run is in {file}, which is of "
            f"{', '.join(sorted({one.card for one in baseline.figures})) or 'nothing'}; give a "
            "baseline of such cards."
        )
    return msgspec.structs.replace(record, tests=tests, verdict=overall(tests), baseline=file)
