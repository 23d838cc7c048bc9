"""Traces of several ranks: a collective ends on all together, so the others wait for the last."""

import pytest

from tests.stack import made
from truetpot.stack.analyse import Given
from truetpot.stack.command import traced

EACH = 2 * made.LAYERS


@pytest.fixture
def ranks(write):
    """Files of some ranks, each waiting so many microseconds in every collective."""

    def of(*waits, steps=5):
        files = []
        for rank, wait in enumerate(waits):
            trace = made.Xpu()
            kernels = [(n, d + wait * ("allreduce" in n)) for n, d in made.STEP]
            for _ in range(steps if rank < 2 else steps + 1):
                trace.step(kernels)
            about = {"rank": rank, "world_size": len(waits)}
            files.append(write(trace.file(distributedInfo=about), f"rank{rank}.json"))
        return traced(files, Given(), "").runs

    return of


def test_the_rank_that_comes_last_is_named(ranks):
    early, late = ranks(50.0, 0.0)
    assert early.stack.waiting_ms * 1e3 == pytest.approx(50 * EACH)
    assert late.stack.waiting_ms == pytest.approx(0, abs=1e-9)
    (found,) = [one for one in early.findings if one.id == "waiting-collectives"]
    assert found.evidence.endswith("rank 1 comes last.")
    assert late.findings == []
    # alone, equal times of one rank tell nothing
    assert early.stack.collectives_ms * 1e3 == pytest.approx(70 * EACH)


def test_traces_that_do_not_have_the_same_collectives_stay_as_they_are(ranks):
    runs = ranks(50.0, 0.0, 0.0)
    assert [run.stack.waiting_ms for run in runs] == pytest.approx([0, 0, 0], abs=1e-9)


def test_one_rank_twice_is_no_two_ranks(write):
    file = write(made.xpu().file(distributedInfo={"rank": 0, "world_size": 2}))
    runs = traced([file, file], Given(), "").runs
    assert all(run.stack.waiting_ms == pytest.approx(0, abs=1e-9) for run in runs)
