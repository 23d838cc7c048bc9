"""Our own step in a trace of torch.profiler on an H200, beside what truetpot measured in that run.

Both are of `truetpot decode --device cuda --format bf16 --trace T --json L`: 64 layers, captured.
"""

import pytest

from tests.stack.conftest import TRACES
from truetpot.stack.yardstick import from_ladder

TRACE = TRACES / "qwq32b-own-step.pt.trace.json.gz"
LADDER = TRACES / "qwq32b-own-step.json"


@pytest.fixture(scope="module")
def run(analysed):
    (one,) = analysed(TRACE, yardstick=from_ladder(LADDER))
    return one


@pytest.fixture(scope="module")
def rows(run):
    return {row.role: row for row in run.roles}


@pytest.mark.parametrize("role", ["gate_up", "down", "lm_head"])
def test_long_kernels_take_what_they_take_alone(rows, role):
    assert rows[role].ms == pytest.approx(rows[role].ours_ms, rel=0.03)


@pytest.mark.parametrize("role", ["qkv", "o", "attention"])
def test_kernels_below_20_us_too(rows, role):
    assert rows[role].ms == pytest.approx(rows[role].ours_ms, rel=0.07)


def test_a_kernel_launched_early_has_no_time_of_its_own(rows):
    """Norms are dependent launches: in a row of norms 1.43 us from one to the next, 2.04 us in the
    step, where each waits for a product before it."""
    norm = rows["norm"]
    assert norm.ms / norm.calls * 1e3 == pytest.approx(2.04, abs=0.01)
    assert norm.ours_ms / norm.calls * 1e3 == pytest.approx(1.43, abs=0.01)


def test_the_step(run):
    """15.58 ms by events, 15.88 under the profiler."""
    assert run.layers == 64 and run.valid
    assert len(run.steps) == 10
    assert run.stack.ms_per_token == pytest.approx(15.584, rel=0.02)
    assert run.stack.unexplained_ms == pytest.approx(0, abs=1e-6)


def test_tokens_that_the_measured_step_does_not_take(analysed):
    (run,) = analysed(TRACE, yardstick=from_ladder(LADDER), tokens=8)
    (found,) = [one for one in run.findings if one.id == "other-workload"]
    assert "yields 8 tokens" in found.evidence and "takes 1" in found.evidence
