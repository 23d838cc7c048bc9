"""What a search for launch parameters found, and what it left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from truetpot.records.tune import TuneStatus
from truetpot.report.config import describe
from truetpot.report.numbers import microseconds, percent
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words
from truetpot.tune.figures import Tuned

_COLUMNS = (
    name("provider", least=10),
    number("default us", least=10),
    number("tuned us", least=9),
    number("gain", least=6),
    number("95 %", least=13),
    number("of ceiling", least=10),
    prose("config"),
)


def draw_tuned(results: Sequence[Tuned]) -> RenderableType:
    """A head, then two lines a case that was searched to the end."""
    done = [result for result in results if result.found is not None]
    if not done:
        return words("no case was searched to the end")
    return Group(Table(*_COLUMNS), *(part for result in done for part in _draw(result)))


def draw_left_out(results: Sequence[Tuned]) -> Iterator[str]:
    """A line for each case and configuration without figures; the like of them together."""
    yield from dict.fromkeys(
        f"{result.status}: {result.op} of {result.provider}"
        + (f", {result.case.label()}" if result.status is not TuneStatus.SKIPPED else "")
        + f": {result.reason}"
        for result in results
        if result.found is None
    )
    for result in results:
        # the sizes in a reason differ from one configuration to the next, the reason does not
        kinds = Counter(re.sub(r"\d[\d.e+-]*", "..", look.reason) for look in result.looks)
        left = "; ".join(f"{count} x {kind}" for kind, count in kinds.most_common() if kind)
        if left:
            yield f"left out of {result.op} of {result.provider}, {result.case.label()}: {left}"


def _draw(result: Tuned) -> Iterator[RenderableType]:
    assert result.found is not None
    default, best = result.found.default, result.found.best
    case = result.op + (f" ({', '.join(result.roles)})" if result.roles else "")
    yield words((case, "bold"), f"  {result.case.label()}")
    improved = result.found.improved
    low, high = best.gain_ci or (1.0, 1.0)
    yield Table(*_COLUMNS, head=False).row(
        result.provider,
        microseconds(default.median_s or 0),
        # in the default's basis: a gain is a ratio of rounds, and the two times have to give it
        microseconds((default.median_s or 0) / (best.gain or 1)),
        f"{best.gain:.3f}",
        f"{low:.3f}-{high:.3f}" if improved else "-",
        percent(best.share_of_ceiling),
        describe(best.config) if improved else "the default stays",
    )
