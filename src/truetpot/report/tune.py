"""What a search for launch parameters found, and what it left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from truetpot.records.tune import EntryInStep, StepDecision, TuneStatus
from truetpot.report.config import describe
from truetpot.report.numbers import microseconds, percent
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words
from truetpot.stats import Comparison, Submitted
from truetpot.tune.figures import Tuned

_COLUMNS = (
    name("provider", least=10),
    number("default us", least=10),
    number("tuned us", least=9),
    number("gain", least=6),
    number("interval", least=13),
    number("of ceiling", least=10),
    prose("config"),
)


_IN_STEP = (
    name("kernel", least=10),
    number("alone", least=6),
    number("step", least=7),
    number("interval", least=13),
    name("", least=8),
    prose("why"),
)
_VERDICTS = {
    Comparison.FASTER: "faster",
    Comparison.SAME: "the same",
    Comparison.SLOWER: "slower",
    Comparison.UNDECIDED: "undecided",
    None: "not measured",
}
_STEP_VERDICTS = {
    Comparison.FASTER: "faster",
    Comparison.SAME: "the same within 0.2 %",
    Comparison.SLOWER: "slower",
    Comparison.UNDECIDED: "not shown to be faster or slower",
}


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
    if said := _decided(result):
        yield words(f"  {said}")


def _decided(result: Tuned) -> str:
    """What was found out about a finalist that did not become the entry."""
    assert result.found is not None
    decision = result.found.decision
    if result.status is TuneStatus.LEFT_OUT:
        return f"faster alone, but {result.reason}: the default stays"
    if decision is None or result.found.improved:
        return ""
    about = f"the fastest finalist, {describe(decision.config)}, "
    if decision.gain is None or decision.gain_ci is None:
        return f"{about}was not decided on: {decision.reason}"
    low, high = decision.gain_ci
    gain = f"{decision.gain:.3f} ({low:.3f}-{high:.3f}) in {len(decision.gains)} new processes"
    return f"{about}was not shown to be worth it: {gain}, {_VERDICTS[decision.verdict]}"


def draw_step(step: StepDecision) -> RenderableType:
    """What the entries bring to the whole step, a line each, and together."""
    if step.submitted is None:
        return words("The step uses none of these kernels: no entry is kept.")
    rows = list[RenderableType]()
    for one in step.entries:
        low, high = one.gain_ci or (1.0, 1.0)
        rows.append(
            Table(*_IN_STEP, head=not rows).row(
                f"{one.op} of {one.provider}",
                "-" if one.alone is None else f"{one.alone:.3f}",
                "-" if one.gain is None else f"{one.gain:.4f}",
                "-" if one.gain is None else f"{low:.4f}-{high:.4f}",
                "kept" if one.kept else "left out",
                _in_step(one),
            )
        )
    how = "captured" if step.submitted is Submitted.GRAPH else "submitted by the host"
    layers = "" if step.layers is None else f", {step.layers} layers"
    head = words((f"The decode step, {how}{layers}, without each entry over with it:", "bold"))
    if step.gain is None or step.gain_ci is None:
        end = "The step keeps none of them."
    else:
        low, high = step.gain_ci
        end = f"With what is kept, the step gains {step.gain:.4f} ({low:.4f}-{high:.4f}) together."
    return Group(head, *rows, words(end))


def _in_step(one: EntryInStep) -> str:
    if not one.used:
        return "the step does not use this kernel"
    if one.alone is not None and one.verdict is not None and one.verdict is not Comparison.FASTER:
        return f"won alone; the step is {_STEP_VERDICTS[one.verdict]}"
    return "the step gains too"
