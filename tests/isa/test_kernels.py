"""Every OpenCL kernel of QwQ-32B's decode step, as machine code for DG2 (Arc A770).

Compiled and counted, not run: docs/isa.md says what the estimates assume.
"""

import pytest
from truetpot.kernels._lib.opencl.kernel import source_text

from truetpot.decode.cases import step_cases
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.isa.jobs import CEILING, find_jobs
from truetpot.isa.survey import survey
from truetpot.ops import COMPOSITES
from truetpot.ops.registry import REGISTRY
from truetpot.records.isa import Inspection, IssueVerdict
from truetpot.runtime.opencl.target import known_targets

pytestmark = pytest.mark.isa

TARGET = known_targets()["acm-g10"]
FORMATS = ("sym_int4", "woq_int4", "fp8_e5m2", "sym_int8", "fp16")
WIDE = 256
"""Bytes of a sub-group's load; loads of 16 a work-item reached half the bandwidth on a B70."""
MATRIX = "matrix_mad"
"""In the name of the matrix engine's built-ins, which only sources that use them mention."""
CACHES = {"k_cache", "v_cache"}


def shapes():
    for batch in (1, 8):
        for name in FORMATS:
            yield Workload(
                context=4096, format=name, kv_format="fp16", dtype="fp16", batch=batch, tp=1
            )
        for kv_format in ("fp16", "fp8_e5m2"):
            for page in (None, 16):
                yield Workload(
                    context=4096,
                    format="sym_int4",
                    kv_format=kv_format,
                    dtype="fp16",
                    batch=batch,
                    tp=1,
                    page=page,
                )


def decode_step():
    REGISTRY.load_builtin()
    model = load_model("qwq-32b")
    fused = [one for one in COMPOSITES if REGISTRY.offers(one.name, ["opencl"])]
    return [case for shape in shapes() for case in step_cases(model, shape, fused)]


JOBS, REFUSED = find_jobs([*decode_step(), CEILING], [TARGET])
NAMES = [f"{j.op.name} {j.build.function} {j.build.variant} {j.case.label()}" for j in JOBS]


@pytest.fixture(scope="session")
def results(ocloc):
    return survey(JOBS, ocloc, lambda done, total: None)


@pytest.fixture(params=range(len(JOBS)), ids=NAMES)
def kernel(request, results):
    """One kernel's inspection; whatever it is asked for, it has to compile."""
    outcome = results[request.param].outcome
    assert isinstance(outcome, Inspection), outcome
    return outcome


def test_every_operator_of_the_step_has_a_kernel_at_batch_1():
    assert not {case: why for case, why in REFUSED.items() if not _several(case)}


def _several(case):
    return " m=8 " in case or " batch=8 " in case


def test_no_kernel_has_a_fault(kernel):
    assert kernel.faults == []


def test_nothing_spills(kernel):
    assert (kernel.spill_bytes, kernel.private_bytes, kernel.has_calls) == (0, 0, False)
    assert kernel.scratch_messages == 0


def test_every_kernel_is_followed_through_its_launch(kernel):
    assert kernel.not_followed is None and kernel.work_groups >= 1


def test_a_row_of_x_takes_one_pass_over_the_weights(kernel):
    """As many as there are on the vector engines, one to eight of them on the matrix engine."""
    if _reads_weights(kernel) and kernel.op != "memory_read":
        passes = 1 if kernel.has_dpas else kernel.batch
        assert kernel.passes == pytest.approx(passes, rel=1e-3)


@pytest.mark.parametrize("which", range(len(JOBS)), ids=NAMES)
def test_matrix_variants_use_the_matrix_engine(results, which):
    """What the compiler takes for a call, or what is emulated here, has no dpas in it."""
    job, outcome = JOBS[which], results[which].outcome
    assert outcome.has_dpas == (MATRIX in source_text(job.build))


def test_linear_of_several_rows_is_a_matrix_variant():
    several = [job for job in JOBS if job.op.name.startswith("linear") and job.batch > 1]
    assert several and all(MATRIX in source_text(job.build) for job in several)


def test_weights_and_caches_are_loaded_wide(kernel):
    if _reads_weights(kernel) or _reads_caches(kernel):
        assert kernel.where == "inner loop"
        assert kernel.weight_load_bytes >= WIDE


def test_what_a_sub_group_loads_at_batch_1_lies_side_by_side(kernel):
    if kernel.batch == 1 and _reads_weights(kernel):
        assert kernel.weight_run_bytes >= WIDE
    if kernel.batch == 1 and _reads_caches(kernel):
        row = load_model("qwq-32b").head_dim * (1 if "kv_format=fp8" in kernel.case else 2)
        assert kernel.weight_run_bytes >= min(row, WIDE)


def _reads_weights(kernel):
    return kernel.op.startswith("linear") or (kernel.op, kernel.name) == ("memory_read", "read")


def _reads_caches(kernel):
    return bool({load.arg for load in kernel.loads} & CACHES)


def test_linear_and_attention_wait_for_memory_and_not_for_instructions_at_batch_1(kernel):
    if kernel.batch == 1 and (_reads_weights(kernel) or _reads_caches(kernel)):
        assert kernel.issue_over_memory < 0.8 and kernel.local_over_memory < 0.8
        assert kernel.threads * kernel.in_flight_bytes > kernel.needed_bytes


def test_linear_of_one_row_is_memory_bound(kernel):
    if kernel.batch == 1 and _reads_weights(kernel):
        assert kernel.verdict is IssueVerdict.MEMORY
