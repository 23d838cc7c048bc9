"""Sound kernels of hard cases: followed to their ends, and no fault is named."""

import pytest

from truetpot.decode.cases import StepCase
from truetpot.isa.jobs import find_jobs
from truetpot.isa.survey import survey
from truetpot.ops import DECODE_ATTENTION, LINEAR, DecodeAttentionCase, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl.target import known_targets

pytestmark = pytest.mark.isa

TARGET = known_targets()["acm-g10"]


@pytest.fixture(scope="module")
def inspected(ocloc):
    """``inspected(op, case)``: what is found of its first build with the default configuration."""

    def inspect(op, case):
        REGISTRY.load_builtin()
        jobs, refused = find_jobs([StepCase(op, case, (), 1)], [TARGET])
        assert jobs, refused
        return survey(jobs[:1], ocloc, lambda done, total: None)[0].outcome

    return inspect


@pytest.mark.parametrize("batch", [1, 16])
def test_pages_of_a_long_context(inspected, batch):
    """At batch 16 the block table has more than 64 KiB.

    Counted as the ranges of tokens that each read all of their 512, over the pages in memory.
    """
    case = DecodeAttentionCase("fp16", batch, 40, 8, 128, 16385, "fp16", 16)
    found = inspected(DECODE_ATTENTION, case)
    assert (found.faults, found.not_followed) == ([], None)
    assert found.passes == pytest.approx(batch * 33 * 512 / ((batch * 1025 + 2) * 16))


@pytest.mark.parametrize("rows", [8, 16])
def test_scales_with_offsets_for_several_rows(inspected, rows):
    """What a scale was computed in goes on to hold the carry of the next address."""
    found = inspected(LINEAR, LinearCase("fp16", rows, 55296, 5120, "asym_int4"))
    assert (found.faults, found.not_followed) == ([], None)


def test_a_long_loop(inspected):
    """One sub-group executes 146,000 instructions."""
    found = inspected(LINEAR, LinearCase("fp16", 64, 55296, 5120, "bf16"))
    assert (found.faults, found.not_followed) == ([], None)
    assert found.passes == pytest.approx(2, rel=0.01)
