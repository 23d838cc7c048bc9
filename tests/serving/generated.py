"""What a generated file has to be checked as, for the tests that generate them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving.generate.make import Made, make, shown_by
from truetpot.records.verdicts import Severity, Verdict
from truetpot.serving.check import Checked, check_file
from truetpot.serving.verdict import Serving, judge
from truetpot.serving.yardstick import Yardstick

FEW, MANY = 5, 500
"""Runs of a shape in `make test`, and in the exhaustive tests."""
WRONG = Path(__file__).with_name("generated_wrong.toml")
"""What is wrong today; an entry goes with its fault."""

CLEAN = ("brief", "clean", "ended", "warm-up")
"""Mechanisms that leave nothing to be found."""

NAMED_BY = {
    "absurd-rate": {"throughput-contradicted"},
    "cached-prompt": {"cached-prompt"},
    "chunks": {"chunk-is-not-a-token", "chunks-counted-as-tokens"},
    "events": {"several-a-step", "chunks-counted-as-tokens"},
    "few-visible": {"visible-token-denominator", "counts-disagree"},
    "first-token-included": {"first-token-included"},
    "hidden-tokens": {"hidden-tokens"},
    "idle-window": {"idle-in-the-duration"},
    "requested-count": {"requested-as-count"},
    "seconds-for-ms": {"wrong-unit"},
    "short-outputs": {"short-outputs"},
    "some-short": {"short-outputs"},
    "speculation": {"several-a-step", "chunk-is-not-a-token"},
    "speculation-events": {"several-a-step"},
    "speculation-untold": {"several-a-step", "chunk-is-not-a-token"},
    "stalls": {"stalls"},
    "ttft-among-gaps": {"ttft-among-gaps"},
    "visible-tokens": {"visible-token-denominator"},
}
"""Findings that say what happened. 
"""

TOLD = {"speculation", "speculation-events"}
"""Where the file itself may say that several tokens come a step, the verdict says it."""
ONE_COUNT = ("genai-perf", "genai-perf-raw", "inference-benchmarker", "llmperf")
"""Shapes that have no second count of the tokens: few visible ones look like few that came."""

FIRST_INCLUDED = ("guidellm", "guidellm-requests", "llmperf", "llmperf-responses")
"""By the tool's own formula the time per token holds the first one: an honest file may have that
finding, and where it is most of the figure, the figure is no decode time."""


@dataclass(frozen=True)
class Judged:
    """A generated file, and what was said of it."""

    made: Made
    checked: Checked
    serving: Serving

    @property
    def above_info(self) -> dict[str, str]:
        """Findings of weight, with their evidence."""
        found = self.checked.findings
        return {f.id: f.evidence for f in found if f.severity is not Severity.INFO}

    @property
    def clean(self) -> bool:
        """Nothing found that a clean file cannot have."""
        nature = {"first-token-included"} if self.shape in FIRST_INCLUDED else set()
        return self.above_info.keys() <= nature

    @property
    def shape(self) -> str:
        """Of the file."""
        return self.made.shape

    @property
    def figure_is_decode(self) -> bool:
        """Whether the tool's figure is near the time per token at all."""
        truth, reported = self.made.truth, self.serving.reported_s
        near = reported is not None and reported < 1.25 * truth.token_s
        return near or self.shape not in FIRST_INCLUDED

    @property
    def named(self) -> bool:
        """Whether a finding, or the verdict where the file tells it, names the mechanism."""
        mechanism = self.made.truth.mechanism
        names = NAMED_BY[mechanism]
        if mechanism == "few-visible" and self.shape in ONE_COUNT:
            names = names | {"short-outputs"}
        told = mechanism in TOLD and self.serving.verdict is Verdict.NOT_COMPARABLE
        return told or bool(names & self.above_info.keys())

    @property
    def undecided(self) -> bool:
        """Or says that it cannot be told."""
        return self.serving.verdict is Verdict.UNDECIDABLE


def judged(folder, shape, mechanism, seed, with_ladder=True, with_step=False) -> Judged:
    """Generated, written, read and judged; with a ladder of the simulated server."""
    made = make(shape, mechanism, seed)
    path = folder / made.name
    path.write_bytes(made.data)
    held = ladder(made.truth, with_step) if with_ladder else None
    (checked,) = check_file(path, held)
    return Judged(made, checked, judge(checked))


def ladder(truth, with_step=False) -> Yardstick:
    """The server's own pace, and a floor somewhat below it."""
    return Yardstick(
        what="the simulated server",
        floor_s=lambda context, batch: 0.6 * truth.pace.step_s(context, batch),
        floor_from="the simulation",
        step_s=truth.pace.step_s if with_step else None,
        step_from="the simulation" if with_step else "",
        step_batch=max(1, round(truth.batch)),
    )


def cases(mechanisms, many=False):
    """Every shape and mechanism that go together; those that are wrong today fail, and have to."""
    known = {
        (mechanism, shape): entry["fault"]
        for entry in tomllib.loads(WRONG.read_text(encoding="utf-8")).get("wrong", [])
        for mechanism in entry["mechanisms"]
        for shape in entry["shapes"]
        if many or not entry.get("seldom", False)
    }

    def case(shape, mechanism):
        fault = known.get((mechanism, shape))
        mark = pytest.mark.xfail(strict=True, reason=fault) if fault else ()
        return pytest.param(shape, mechanism, marks=mark)

    return [case(shape, mechanism) for mechanism in mechanisms for shape in shown_by(mechanism)]
