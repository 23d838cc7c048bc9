"""One kernel counted by hand: eight rows of sym_int4 on an A770, by the compiler of Debian 12.

An iteration of a sub-group is a block of 64 of K of two groups of eight rows of W: 1024 weights,
544 bytes, and 4 matrix instructions for the offset and 4 a group, of 8 rows.
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
WEIGHTS = 1024
COUNTED = "22.43"


def inspected(ocloc, weight_format, m):
    """The kernel of a gate and up projection of QwQ-32B."""
    REGISTRY.load_builtin()
    case = LinearCase("fp16", m, N, K, weight_format)
    jobs, _ = find_jobs([StepCase(LINEAR, case, (), 1)], [known_targets()["acm-g10"]])
    (result,) = survey(jobs, ocloc, lambda done, total: None)
    return result.outcome


@pytest.fixture(scope="module")
def gemm(ocloc):
    return inspected(ocloc, "sym_int4", 8)


def test_a_turn(ocloc, gemm):
    assert gemm.streamed_bytes == gemm.requested_bytes == WEIGHTS * 4.25 / 8 == 544
    assert gemm.matrix_clocks == (4 + 2 * 4) * 8 * 2
    if ocloc.version.startswith(COUNTED):
        assert gemm.lane_ops_per_weight * WEIGHTS == pytest.approx(1412)
        assert gemm.vector_clocks == pytest.approx(332, abs=0.1)


def test_the_launch(gemm):
    assert gemm.turns == N * K / WEIGHTS
    assert (gemm.work_groups, gemm.sub_groups, gemm.passes) == (N // (16 * 4), 8, 1)
    assert gemm.kernel_bytes == N * K * 4.25 / 8 + 8 * (2 * K + 2 * N)


def test_the_ratio_of_issue(gemm):
    issue_s = gemm.turns * gemm.vector_clocks / (512 * 2.4e9)
    assert gemm.issue_over_memory == pytest.approx(issue_s / (gemm.kernel_bytes / 560e9))
    assert gemm.issue_over_memory == pytest.approx(0.276, rel=0.05)


def test_bytes_in_flight(gemm):
    """Two blocks of 256 bytes and two of scales come before the first of them is waited for."""
    assert gemm.in_flight_bytes == 2 * 256 + 2 * 16
    assert gemm.needed_bytes == 560 * 113
    assert (gemm.threads, gemm.threads_by) == (32 * 16 * 8, "registers")


def test_eight_rows_on_the_vector_engines_are_eight_passes(ocloc):
    """Float weights have no matrix variant."""
    kernel = inspected(ocloc, "fp32", 8)
    assert kernel.passes == pytest.approx(8)


def test_sixteen_rows_on_the_matrix_engine_are_one_pass(ocloc):
    sixteen = inspected(ocloc, "sym_int4", 16)
    assert sixteen.passes == 1
    assert sixteen.issue_over_memory < 0.6
