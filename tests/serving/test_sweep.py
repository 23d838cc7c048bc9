"""A number that is 5 % off makes no other mechanism of it: at most the verdict is undecided."""

from dataclasses import fields, replace

import pytest

from tests.real_files import DATA
from truetpot.errors import UserError
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.records.verdicts import Verdict
from truetpot.serving.check import check_run
from truetpot.serving.readers import read
from truetpot.serving.verdict import judge
from truetpot.serving.yardstick import from_facts

MECHANISMS = {
    "several-a-step",
    "bursts-or-stalls",
    "stalls",
    "hidden-tokens",
    "chunk-is-not-a-token",
    "chunks-counted-as-tokens",
    "visible-token-denominator",
    "wait-inside-the-interval",
    "ttft-among-gaps",
}
FACTORS = (0.95, 1.05)


def runs():
    for file in sorted((DATA / "made" / "check").iterdir()):
        try:
            found = read(file)
        except UserError:  # of another command than a serving benchmark
            continue
        for i, run in enumerate(found):
            yield pytest.param(run, id=f"{file.stem}-{i}")


def moved(run):
    """The run with each of its numbers off, one after the other."""
    for factor in FACTORS:
        for i, figure in enumerate(run.figures):
            others = list(run.figures)
            others[i] = replace(figure, value=figure.value * factor)
            yield f"{figure.key} {figure.statistic}", replace(run, figures=tuple(others))
        for field in fields(run.totals):
            value = getattr(run.totals, field.name)
            if isinstance(value, float):
                other = value * factor
            elif isinstance(value, int) and value > 1:
                other = max(1, round(value * factor))
            else:
                continue
            yield field.name, replace(run, totals=replace(run.totals, **{field.name: other}))
        if (rows := run.requests) is not None:
            # the interval is the difference of two clocks, and one of them off would be another
            interval, ttft = rows.latency_s - rows.ttft_s, rows.ttft_s * factor
            other = replace(rows, ttft_s=ttft, latency_s=ttft + interval)
            yield "ttft_s", replace(run, requests=other)
            longer = replace(rows, latency_s=rows.ttft_s + interval * factor)
            yield "interval", replace(run, requests=longer)


def mechanisms(run, yardstick):
    checked = check_run(run, yardstick=yardstick)
    return {f.id for f in checked.findings} & MECHANISMS, judge(checked).verdict


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("run", runs())
def test_no_mechanism_becomes_another(run, held):
    arc = from_facts(load_model("qwq-32b"), load_hardware("arc-a770"), 4, "fp8_e5m2")
    yardstick = arc if held else None
    before, _ = mechanisms(run, yardstick)
    for what, other in moved(run):
        after, verdict = mechanisms(other, yardstick)
        undecided = verdict is Verdict.UNDECIDABLE
        assert not before or not after or before & after or undecided, (what, before, after)
