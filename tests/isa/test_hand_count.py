"""One kernel counted by hand: gemv with sym_int4 on an A770, by the compiler of Debian 12.

A turn of a sub-group of 16 is 16 bytes of four rows a work-item: 2048 weights. Its listing has 444
instructions of 16 lanes that compute, and 1,088 bytes are 2048 x 4.25 / 8.
"""

import pytest

from truetpot.decode.cases import StepCase
from truetpot.isa.jobs import find_jobs
from truetpot.isa.survey import survey
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl.target import known_targets

pytestmark = pytest.mark.isa

N, K = 55296, 5120
WEIGHTS = 2048
COUNTED = "22.43"


def inspected(ocloc, weight_format, m):
    """The kernel of a gate and up projection of QwQ-32B."""
    REGISTRY.load_builtin()
    case = LinearCase("fp16", m, N, K, weight_format)
    jobs, _ = find_jobs([StepCase(LINEAR, case, (), 1)], [known_targets()["acm-g10"]])
    (result,) = survey(jobs, ocloc, lambda done, total: None)
    return result.outcome


@pytest.fixture(scope="module")
def gemv(ocloc):
    return inspected(ocloc, "sym_int4", 1)


def test_a_turn(ocloc, gemv):
    assert gemv.streamed_bytes == WEIGHTS * 4.25 / 8 == 1088
    assert gemv.requested_bytes == 1024 + 4 * 16 * 2  # of scales each item asks for its own
    if ocloc.version.startswith(COUNTED):
        assert gemv.lane_ops_per_weight * WEIGHTS == pytest.approx(7104)
        assert (gemv.vector_clocks, gemv.matrix_clocks) == (1109, 0)


def test_the_launch(gemv):
    assert gemv.turns == N * K / WEIGHTS
    assert (gemv.work_groups, gemv.sub_groups, gemv.passes) == (N // 32, 8, 1)
    assert gemv.kernel_bytes == N * K * 4.25 / 8 + 2 * K + 2 * N


def test_the_ratio_of_issue(gemv):
    issue_s = gemv.turns * gemv.vector_clocks / (512 * 2.4e9)
    assert gemv.issue_over_memory == pytest.approx(issue_s / (gemv.kernel_bytes / 560e9))
    assert gemv.issue_over_memory == pytest.approx(0.465, rel=0.05)


def test_bytes_in_flight(gemv):
    """Four loads of 256 bytes come before the first of them is waited for."""
    assert gemv.in_flight_bytes == 4 * 256
    assert gemv.needed_bytes == 560 * 113
    assert (gemv.threads, gemv.threads_by) == (32 * 16 * 8, "registers")


def test_eight_rows_on_the_vector_engines_are_eight_passes(ocloc):
    """asym_int4 has no matrix variant."""
    kernel = inspected(ocloc, "asym_int4", 8)
    assert kernel.passes == pytest.approx(8)
    assert kernel.turns == 8 * N * K / WEIGHTS
    assert kernel.issue_over_memory == pytest.approx(3.9, rel=0.05)


def test_sixteen_rows_on_the_matrix_engine_are_two_passes(ocloc):
    eight, sixteen = (inspected(ocloc, "sym_int4", m) for m in (8, 16))
    assert (eight.passes, sixteen.passes) == (1, 2)
    assert sixteen.issue_over_memory == pytest.approx(2 * eight.issue_over_memory, rel=0.02)
