"""The generator by itself: what it says is true, and it knows nothing of truetpot."""

import ast
from pathlib import Path

import numpy as np
import pytest

from tests.serving.generate.make import make, mechanisms, run, shapes, shown_by
from tests.serving.generate.shape import Load

FOLDER = Path(__file__).with_name("generate")


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda file: file.stem)
def test_nothing_of_truetpot_is_in_it(file):
    tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    names = [
        name
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    ]
    assert not [name for name in names if name.partition(".")[0] == "truetpot"]


@pytest.mark.parametrize("mechanism", mechanisms())
def test_every_mechanism_names_shapes_that_there_are(mechanism):
    assert shown_by(mechanism)
    assert set(shown_by(mechanism)) <= shapes().keys()


def test_a_seed_is_a_run():
    once, again = make("vllm-detailed", seed=3), make("vllm-detailed", seed=3)
    assert once.data == again.data
    assert once.data != make("vllm-detailed", seed=4).data


@pytest.mark.parametrize("seed", range(10))
def test_the_steps_are_as_fast_as_the_pace_says(seed):
    """Within the noise of a step and the spread of contexts; intervals are steps, nothing else."""
    served = run("clean", Load.ANY, seed)
    truth, pace = served.truth("clean"), served.scenario.pace
    context = truth.prompt_tokens + truth.output_tokens / 2
    assert truth.step_s == pytest.approx(pace.step_s(context, truth.batch), rel=0.06)
    assert truth.token_s == pytest.approx(truth.step_s, rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_no_more_is_under_way_than_the_client_allows(seed):
    served = run("clean", Load.CLOSED, seed)
    events = sorted(
        [(r.sent, 1) for r in served.requests] + [(r.last, -1) for r in served.requests]
    )
    most = np.cumsum([change for _, change in events]).max()
    assert most == served.scenario.concurrency
    assert all(r.sent <= r.began < r.first <= r.last < r.done for r in served.requests)


@pytest.mark.parametrize("name", [name for name in mechanisms() if name != "hidden-tokens"])
def test_messages_hold_all_that_was_decoded(name):
    for load in {shapes()[shape].load for shape in shown_by(name)}:
        for request in run(name, load, 1).requests:
            assert request.tokens.sum() == request.decoded
            assert np.all(np.diff(request.at) >= 0)
            assert request.at[-1] <= request.done


def test_speculation_gives_the_tokens_a_step_that_were_asked_for():
    for seed in range(5):
        served = run("speculation", Load.ANY, seed)
        steps = sum(r.steps for r in served.requests)
        per_step = sum(r.decoded - 1 for r in served.requests) / steps
        assert per_step == pytest.approx(served.scenario.tokens_a_step, rel=0.2)
        truth = served.truth("speculation")
        assert truth.token_s == pytest.approx(truth.step_s / per_step, rel=0.05)


def test_stalls_are_no_steps():
    for seed in range(5):
        truth = run("stalls", Load.ANY, seed).truth("stalls")
        assert truth.token_s > 1.2 * truth.step_s
