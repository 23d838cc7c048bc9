"""Generated files of every tool: clean ones are found clean and believed, each mechanism is named.

The fast tests take a few runs of each shape; the exhaustive ones take 500.
"""

import pytest

from tests.serving.generate.make import make, shown_by
from truetpot.records.verdicts import Severity, Verdict
from truetpot.serving.check import check_file
from truetpot.serving.verdict import judge
from truetpot.serving.yardstick import Yardstick

FEW, MANY = 8, 500
CLEAN = ("clean", "brief")

BY_NATURE = {"guidellm": "first-token-included", "llmperf": "first-token-included"}
"""Finding that a tool's honest files may have: its time per token holds the first one."""

WRONG: dict[tuple[str, str], str] = {}
"""What is wrong today, by tool and mechanism."""
WRONG_IN_MANY = {}


def tool(shape):
    return shape.partition("-")[0]


def cases(mechanisms, many=False):
    known = WRONG | (WRONG_IN_MANY if many else {})
    for mechanism in mechanisms:
        for shape in shown_by(mechanism):
            wrong = known.get((tool(shape), mechanism))
            if wrong:
                mark = pytest.mark.xfail(strict=True, reason=wrong)
                yield pytest.param(shape, mechanism, marks=mark)
            else:
                yield shape, mechanism


def yardstick(truth, step=False):
    """A ladder of the simulated server: its pace, and a floor below that."""
    return Yardstick(
        what="the simulated server",
        floor_s=lambda context, batch: 0.6 * truth.pace.step_s(context, batch),
        floor_from="the simulation",
        step_s=truth.pace.step_s if step else None,
        step_from="the simulation" if step else "",
        step_batch=max(1, round(truth.batch)),
    )


def checked(folder, made, held=None):
    path = folder / made.name
    path.write_bytes(made.data)
    return check_file(path, held)


def above_info(run):
    return {finding.id for finding in run.findings if finding.severity is not Severity.INFO}


def judged_clean(folder, shape, mechanism, seed):
    made = make(shape, mechanism, seed)
    allowed = {BY_NATURE.get(tool(shape))}
    for held, verdict in ((None, "undecidable"), (yardstick(made.truth), "believable")):
        (run,) = checked(folder, made, held)
        evidence = {f.id: f.evidence for f in run.findings}
        assert above_info(run) <= allowed, (seed, evidence)
        assert judge(run).verdict is Verdict(verdict), (seed, judge(run).why)


@pytest.mark.parametrize(("shape", "mechanism"), cases(CLEAN))
def test_nothing_is_found_in_a_clean_file(tmp_path, shape, mechanism):
    for seed in range(FEW):
        judged_clean(tmp_path, shape, mechanism, seed)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("shape", "mechanism"), cases(CLEAN, many=True))
def test_nothing_is_found_in_many_clean_files(tmp_path, shape, mechanism):
    for seed in range(MANY):
        judged_clean(tmp_path, shape, mechanism, seed)
