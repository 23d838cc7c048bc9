"""Readings against their yardsticks, and the verdict on a test. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec

from truetpot.records.validate import BaselineFigure, Figure, Health, HeldTo, Judgement
from truetpot.validate.limits import Limit, Limits, Relative
from truetpot.validate.measured import Reading

WORST = (
    Health.FAIL, Health.COULD_NOT_RUN, Health.WARN, Health.PASS, Health.NOT_JUDGED, Health.NOT_RUN,
)  # fmt: skip
NO_CARD = "a figure beyond what the hardware can do: the test or its clock is wrong, not the card"


@dataclass(frozen=True)
class Yardsticks:
    """What the figures of one card are held against, beside what the readings bring along."""

    limits: Limits
    card: str | None
    """Its key in the table of cards."""
    baseline: Sequence[BaselineFigure] = ()
    """Of cards of its kind."""
    baseline_file: str = ""
    performance: bool = True
    """Whether a rate means something: at small sizes only right and wrong do, and a baseline."""

    def trusted(self, test: str, figure: str) -> BaselineFigure | None:
        """What this figure is on the machine of the baseline."""
        found = (b for b in self.baseline if (b.test, b.figure) == (test, figure))
        return next(found, None)


def short(value: float) -> str:
    """A number with four significant digits, for a sentence."""
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def worst(verdicts: Iterable[Health]) -> Health:
    """The verdict that decides; `not-run` where there is none."""
    given = set(verdicts)
    return next((one for one in WORST if one in given), Health.NOT_RUN)


def judged(test: str, reading: Reading, attempts: Sequence[float], by: Yardsticks) -> Figure:
    """The figure of a reading, whose value is the median of ``attempts``.

    An exact one is as bad as its worst attempt.
    """
    if reading.right is not None:
        value = max(attempts, key=lambda one: abs(one - reading.right))  # type: ignore[operator]
    else:
        value = median(attempts)
    held = [*_exact(reading, value)]
    if by.performance:
        held += _physics(reading, attempts)
    limit = by.limits.find(test, reading.name, by.card)
    if limit and (by.performance or limit.always):
        held += _limit(limit, reading, value)
    if trusted := by.trusted(test, reading.name):
        held.append(
            against(HeldTo.BASELINE, trusted.value, reading.better, value, by.limits.baseline,
                    f"{trusted.cards} of {by.baseline_file}")
        )  # fmt: skip
    return Figure(
        name=reading.name,
        value=value,
        unit=reading.unit,
        better=reading.better,
        attempts=list(attempts),
        judged=held,
        verdict=_of(held),
        note=reading.note,
        compared=reading.compared,
    )


def with_judgement(figure: Figure, judgement: Judgement) -> Figure:
    """The figure, held against one thing more; against the same only once."""
    held = [one for one in figure.judged if one.against is not judgement.against] + [judgement]
    return msgspec.structs.replace(figure, judged=held, verdict=_of(held))


def against(
    what: HeldTo, expected: float, better: str, value: float, by: Relative, source: str
) -> Judgement:
    """A value judged against that of an equal card."""
    worse = expected * ((1 - by.fail) if better == "higher" else (1 + by.fail))
    edge = expected * ((1 - by.warn) if better == "higher" else (1 + by.warn))
    return Judgement(
        against=what,
        expected=expected,
        limit=worse,
        verdict=_graded(better, value, worse, edge),
        source=source,
    )


def _of(held: Sequence[Judgement]) -> Health:
    return worst(one.verdict for one in held) if held else Health.NOT_JUDGED


def _graded(better: str, value: float, limit: float, warn: float | None) -> Health:
    sign = 1 if better == "higher" else -1
    if sign * value < sign * limit:
        return Health.FAIL
    if warn is not None and sign * value < sign * warn:
        return Health.WARN
    return Health.PASS


def _exact(reading: Reading, value: float) -> Iterable[Judgement]:
    if reading.right is not None:
        verdict = Health.PASS if value == reading.right else Health.FAIL
        yield Judgement(
            against=HeldTo.EXACT, expected=reading.right, limit=reading.right, verdict=verdict,
            source=reading.source or "one right value",
        )  # fmt: skip


def _physics(reading: Reading, attempts: Sequence[float]) -> Iterable[Judgement]:
    if reading.bound is not None:
        sign = 1 if reading.better == "higher" else -1
        beyond = any(sign * one > sign * reading.bound for one in attempts)
        yield Judgement(
            against=HeldTo.PHYSICS,
            expected=reading.expected,
            limit=reading.bound,
            verdict=Health.COULD_NOT_RUN if beyond else Health.PASS,
            source=reading.source,
        )


def _limit(limit: Limit, reading: Reading, value: float) -> Iterable[Judgement]:
    expected, warn = reading.expected, limit.warn
    if limit.share is not None:
        if expected is None:  # of a card that nobody knows: a share of nothing
            return
        sign = 1 if reading.better == "higher" else -1
        edge = expected * limit.share**sign
        warn = None if warn is None else expected * warn**sign
        source = f"{reading.source}; limit: {limit.source}" if reading.source else limit.source
    else:
        known = (limit.least, limit.most, warn)
        edge, source = next(one for one in known if one is not None), limit.source
    verdict = _graded(reading.better, value, edge, warn)
    if verdict is Health.FAIL and (limit.share, limit.least, limit.most) == (None, None, None):
        verdict = Health.WARN
    yield Judgement(
        against=HeldTo.LIMIT, expected=expected, limit=edge, verdict=verdict, source=source
    )


def decisive(figures: Sequence[Figure]) -> tuple[Figure, Judgement] | None:
    """The figure that a line shows, and the judgement that decides it.

    The first of the worst verdict; of figures that pass the first that is held to something more
    than being right. None where nothing was judged.
    """
    rank = {verdict: i for i, verdict in enumerate(WORST)}
    pairs = [(figure, one) for figure in figures for one in figure.judged]
    if not pairs:
        return None
    return min(
        pairs,
        key=lambda pair: (
            rank[pair[1].verdict],
            pair[1].verdict is Health.PASS and pair[1].against is HeldTo.EXACT,
            pair[1].verdict is Health.PASS and pair[1].against is HeldTo.PHYSICS,
        ),
    )


def sentence(figure: Figure, held: Judgement) -> str:
    """Why a figure is not as it should be; empty where it is."""
    if held.verdict not in (Health.FAIL, Health.WARN, Health.COULD_NOT_RUN):
        return ""
    value = f"{figure.name} is {short(figure.value)} {figure.unit}"
    if held.against is HeldTo.EXACT:
        note = f" ({figure.note})" if figure.note else ""
        return f"{short(figure.value)} {figure.name}, instead of {short(held.limit)}{note}"
    if held.against is HeldTo.PHYSICS:
        return f"{value}, beyond {short(held.limit)}: {NO_CARD}"
    side = "below" if figure.better == "higher" else "above"
    certain = held.verdict is Health.FAIL or held.expected is None
    edge = held.limit if certain else held.expected
    what = {
        HeldTo.LIMIT: "the limit",
        HeldTo.SISTERS: "the median of its sisters",
        HeldTo.BASELINE: "the baseline",
    }[held.against]
    if held.against is not HeldTo.LIMIT and held.expected:
        off = abs(figure.value / held.expected - 1)
        return f"{value}, {off:.1%} {side} {what}, {short(held.expected)}"
    assert edge is not None
    return f"{value}, {side} {what if certain else 'what is expected'}, {short(edge)}"


def advice(test: str, figure: Figure, held: Judgement, by: Yardsticks) -> str:
    """What the user should do next, by what the figure was held against."""
    if held.against is HeldTo.BASELINE:
        return by.limits.baseline.do
    if held.against is HeldTo.SISTERS:
        return by.limits.sisters.do
    if held.against is HeldTo.PHYSICS:
        return "report it with the record; do not use times of this machine"
    if held.against is HeldTo.EXACT:
        return by.limits.wrong.get(test, "")
    limit = by.limits.find(test, figure.name, by.card)
    return limit.do if limit else ""
