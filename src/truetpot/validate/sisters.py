"""Each figure against that of equal cards of the same host. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from truetpot.records.validate import Figure, Health, HeldTo, Judgement, ValidatedTest
from truetpot.stats import distances
from truetpot.validate.judge import with_judgement
from truetpot.validate.limits import Relative


def with_sisters(
    tests: Sequence[ValidatedTest], kinds: Mapping[str, str], by: Relative
) -> list[ValidatedTest]:
    """The tests with each figure held against the other cards of its kind.

    ``kinds`` is the kind of card by device. A figure that equal cards may have otherwise has none.
    """
    groups: dict[tuple[str, str, str], dict[str, Figure]] = defaultdict(dict)
    for test in tests:
        for figure in test.figures:
            if test.device in kinds and figure.compared and figure.value > 0:
                groups[test.name, figure.name, kinds[test.device]][test.device] = figure
    found: dict[tuple[str, str, str], Judgement] = {}
    for (test_name, figure_name, _), members in groups.items():
        for device, judgement in zip(members, _judged([*members.values()], by), strict=True):
            if judgement is not None:
                found[test_name, device, figure_name] = judgement
    return [_with(test, found) for test in tests]


def _with(
    test: ValidatedTest, found: Mapping[tuple[str, str, str], Judgement]
) -> ValidatedTest:
    figures = [
        with_judgement(figure, held)
        if (held := found.get((test.name, test.device, figure.name)))
        else figure
        for figure in test.figures
    ]
    return msgspec.structs.replace(test, figures=figures)


def _judged(figures: Sequence[Figure], by: Relative) -> list[Judgement | None]:
    """One a card. Of two cards that differ nobody knows which is right: the worse is warned of."""
    if len(figures) < 2:
        return [None]
    higher = figures[0].better == "higher"
    values = [figure.value for figure in figures]
    if len(values) == 2:
        expected = max(values) if higher else min(values)
        return [_judgement(expected, one, higher, by, 2, certain=False) for one in values]
    return [
        _judgement(one.median, one.value, higher, by, len(values), certain=True,
                   robust=abs(one.robust))
        for one in distances(values)
    ]  # fmt: skip


def _judgement(
    expected: float, value: float, higher: bool, by: Relative, cards: int, *,
    certain: bool, robust: float = float("inf"),
) -> Judgement:  # fmt: skip
    worse = (expected - value if higher else value - expected) / expected
    verdict = Health.PASS
    if worse > by.warn and robust > by.robust:
        verdict = Health.FAIL if certain and worse > by.fail else Health.WARN
    return Judgement(
        against=HeldTo.SISTERS,
        expected=expected,
        limit=expected * ((1 - by.fail) if higher else (1 + by.fail)),
        verdict=verdict,
        source=f"the {'median' if certain else 'better'} of {cards} equal cards of this host",
    )
