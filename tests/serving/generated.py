"""What a generated file has to be checked as, for the tests that generate them."""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving.generate.make import Made, make, shown_by
from truetpot.records.verdicts import Severity, Verdict
from truetpot.serving.check import Checked, check_file
from truetpot.serving.evidence.messages import Holds
from truetpot.serving.verdict import SAME_BATCH, Serving, judge
from truetpot.serving.yardstick import Yardstick

FEW, MANY = 3, int(os.environ.get("GENERATED_RUNS", "60"))
"""Runs of a shape in `make test`, and in the exhaustive tests; GENERATED_RUNS=500 takes an hour."""
WRONG = Path(__file__).with_name("generated_wrong.toml")
"""What is wrong today; an entry goes with its fault."""

CLEAN = ("brief", "clean", "ended", "warm-up")
"""Mechanisms that leave nothing to be found."""

NAMED_BY = {
    "absurd-rate": {"throughput-contradicted"},
    "cached-prompt": {"cached-prompts"},
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
"""Findings that say what happened."""

COUSINS = {
    "chunks": Holds.ALIKE,
    "hidden-tokens": Holds.HIDDEN_FIRST,
    "speculation": Holds.FIRST_ALONE,
    "speculation-untold": Holds.FIRST_ALONE,
}
"""All have more tokens than messages: what tells them apart is not in every file. What the messages
held is among the readings that are left, whichever of them are."""

TOLD = {"speculation", "speculation-events"}
"""Where the file itself may say that several tokens come a step, the verdict says it."""
ONE_COUNT = ("genai-perf", "inference-benchmarker", "llmperf")
"""Shapes that have no second count of the tokens: few visible ones look like few that came."""

RIGHT = (0.8, 1.25)
"""Of a figure over the truth: llama.cpp divides by one token more, tokenising again by some."""

FIRST_INCLUDED = ("guidellm", "guidellm-requests", "llmperf", "llmperf-responses")
"""By the tool's own formula the time per token holds the first one: an honest file may have that
finding, and where it is most of the figure, the figure is no decode time."""


NO_BATCH = ("llama-server", "llama-server-one", "llmperf-responses", "ollama", "ollama-verbose")
"""Shapes with neither a duration nor starts nor a concurrency, or of one request among others."""

OF_ONE = ("llama-server-one",)
"""Shapes that have the first request of a run and nothing of the others."""


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
    def off(self) -> float:
        """The figure that was judged over the true time per token; 1 where there is none."""
        reported, true = self.serving.reported_s, self.made.truth.token_s
        if self.shape in OF_ONE:
            one = self.made.served.measured[0]
            true = (one.last - one.first) / (one.decoded - 1)
        return 1.0 if reported is None else reported / true

    @property
    def figure_is_decode(self) -> bool:
        """Whether the tool's figure is near the time per token at all."""
        return self.shape not in FIRST_INCLUDED or self.off < RIGHT[1]

    @property
    def believed_wrongly(self) -> bool:
        """A figure that is far from the truth passes, where the file could tell."""
        told = self.shape not in (*FIRST_INCLUDED, *ONE_COUNT)
        right = RIGHT[0] < self.off < RIGHT[1]
        return told and self.serving.verdict is Verdict.BELIEVABLE and not right

    @property
    def accused_wrongly(self) -> bool:
        """Called impossible, which no run of a simulation is; or inflated by what it is not.

        A finding's factor is meant; beside a floor alone it is the most that it can be.
        """
        serving, found = self.serving, self.checked.findings
        factors = [f.factor for f in found if f.severity is Severity.ERROR]
        if serving.verdict is Verdict.INFLATED and serving.factor in factors:
            return not RIGHT[0] < serving.factor / self.off < RIGHT[1]
        return serving.verdict is Verdict.IMPOSSIBLE

    @property
    def batch_is_right(self) -> bool:
        """At one of the batches of the run, or between them."""
        least, most = batches(self.made)
        batch = self.serving.record().batch
        return batch is not None and RIGHT[0] * least < batch < RIGHT[1] * most

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
        """Or the verdict says that the file cannot tell."""
        return self.serving.verdict is Verdict.UNDECIDABLE or "undecided" in self.serving.why

    @property
    def truth_is_left(self) -> bool:
        """Where messages are counted, the true reading of them is not excluded."""
        stream, held = self.checked.evidence.stream, COUSINS.get(self.made.truth.mechanism)
        return stream is None or held is None or held in [one.holds for one in stream.readings]

    @property
    def recognised(self) -> bool:
        """Named, or undecided between this and others that leave the same counts."""
        cousin = self.undecided and self.made.truth.mechanism in COUSINS
        return (self.named or cousin) and self.truth_is_left


def judged(folder, shape, mechanism, seed, with_ladder=True) -> Judged:
    """Generated, written, read and judged; with a ladder of the simulated server."""
    made = make(shape, mechanism, seed)
    path = folder / made.name
    path.write_bytes(made.data)
    (checked,) = check_file(path, ladder(made) if with_ladder else None)
    return Judged(made, checked, judge(checked))


def batches(made: Made) -> tuple[float, float]:
    """Least and most of the mean over the whole run, prefills and idle times included, over the
    time of its steps, and over its tokens.
    """
    decoding = sum(r.last - r.first for r in made.served.measured)
    over_run = max(1.0, decoding / made.served.duration)
    means = (over_run, made.truth.batch, made.truth.tokens_batch)
    return min(means), max(means)


def ladder(made: Made) -> Yardstick:
    """The server's own pace, and a floor somewhat below it.

    A measured step has a whole number of sequences, and stands for batches near it: where the run
    has others too, or a file cannot tell, there is the floor alone.
    """
    least, most = batches(made)
    whole = max(1, round(made.truth.batch))
    # a little nearer than that: a rate of two decimals is off by a per cent or two
    border = 0.95 * SAME_BATCH
    near = whole / border < least and most < whole * border
    step = made.truth.pace.step_s if near and made.shape not in NO_BATCH else None
    return Yardstick(
        what="the simulated server",
        floor_s=lambda context, batch: 0.6 * made.truth.pace.step_s(context, batch),
        floor_from="the simulation",
        step_s=step,
        step_from="the simulation" if step else "",
        step_batches=(whole,),
    )


def cases(mechanisms, many=False, of=""):
    """Every shape and mechanism that go together; those that are wrong today fail, and have to.

    `of` is what is tested of them, where that is not what is found: "batch".
    """
    known = {
        (mechanism, shape): entry["fault"]
        for entry in tomllib.loads(WRONG.read_text(encoding="utf-8")).get("wrong", [])
        for mechanism in entry["mechanisms"]
        for shape in entry["shapes"]
        if many or not entry.get("seldom", False)
    }

    def case(shape, mechanism):
        fault = known.get((f"{of} {mechanism}".lstrip(), shape))
        mark = pytest.mark.xfail(strict=True, reason=fault) if fault else ()
        return pytest.param(shape, mechanism, marks=mark)

    return [case(shape, mechanism) for mechanism in mechanisms for shape in shown_by(mechanism)]
