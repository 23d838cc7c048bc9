"""Both arms of a simulated run, with speculation and without, in every form of file that shows it:
the pair says what the simulation did."""

from dataclasses import replace

import numpy as np
import pytest

from tests.serving.generate.make import mechanisms, shapes
from tests.serving.generate.simulate import scenario, serve
from truetpot.serving.check import check_file
from truetpot.serving.judged import RunOfFile
from truetpot.serving.pair import given_pairs, untold
from truetpot.serving.speculation import stated_tokens_a_step
from truetpot.serving.verdict import judge

SHOWN = mechanisms()["speculation"].shapes
RIGHT = 1.25
"""Factor within which a figure is that of the simulation: counts by rows, clocks and rounding."""
STEPS = 1.1
"""The same of the tokens a step."""
NO_FIGURE = ("inference-perf-messages",)
"""Its time per token is one per message."""


def near(one, other, factor=RIGHT):
    return max(one, other) <= factor * min(one, other)


def arms(folder, shape, seed):
    """What the two files are judged as, and the two served runs."""
    kind, mechanism = shapes()[shape], mechanisms()["speculation"]
    random = np.random.default_rng(seed)
    asked = replace(scenario(random), concurrency=1, rate=np.inf)
    asked = kind.load.of(asked)
    drafting = mechanism.apply(serve(mechanism.ask(asked, random), random), random)
    plain = serve(asked, random)
    told = []
    for name, served in (("with", drafting), ("without", plain)):
        (folder / name).mkdir(exist_ok=True)
        path = folder / name / kind.file
        path.write_bytes(kind.write(served))
        (one,) = check_file(path)
        hidden = name == "with" and stated_tokens_a_step(one.run) is None
        serving = untold(judge(one)) if hidden else judge(one)
        told.append(RunOfFile(str(path), one, serving, drafting=name == "with"))
    return told, drafting.truth("speculation"), plain.truth("clean"), drafting


@pytest.mark.parametrize("shape", SHOWN)
def test_the_gain_and_the_steps(tmp_path, shape):
    for seed in range(3):
        told, drafted, plain, served = arms(tmp_path, shape, seed)
        (pair,) = given_pairs(told[:1], told[1:])
        if not pair.points:
            assert any("how long its prompts were" in text for text in pair.left_out), pair
            continue
        (point,) = pair.points
        if shape in NO_FIGURE:
            assert point.gain is None and point.wrong.startswith("the run with speculation: ")
            continue
        assert point.gain is not None, (seed, point.wrong)
        if shape == "llama-server-one":  # of one of the answers
            run = served.measured
            each = [((r.last - r.first) / (r.decoded - 1), (r.decoded - 1) / r.steps) for r in run]
            token_s, a_step = min(each, key=lambda r: abs(r[0] * 1e3 - point.with_ms))
        else:
            token_s = drafted.token_s
            a_step = sum(r.decoded - 1 for r in served.measured) / sum(
                r.steps for r in served.measured
            )
        assert near(point.gain, plain.token_s / token_s), (seed, point.gain)
        if point.tokens_per_step is not None:
            assert near(point.tokens_per_step, a_step, STEPS), (seed, point)
            assert near(point.step_over_plain, 1.0), (seed, point)
