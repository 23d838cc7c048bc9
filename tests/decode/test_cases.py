"""The cases of a step are those that a step calls, whichever composites are asked for."""

import pytest

from truetpot.decode.cases import step_cases
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.ops import (
    ADD,
    LINEAR_ADD,
    LINEAR_SILU_MUL,
    RMS_NORM_LINEAR_SILU_MUL,
    ROPE_APPEND_ATTENTION,
    RmsNormCase,
)

MODEL = load_model("qwq-32b")
SHAPE = Workload(context=1024, format="sym_int4", kv_format="bf16", dtype="bf16", batch=1, tp=1)


def cases(*composites):
    return step_cases(MODEL, SHAPE, composites)


def test_a_norm_inside_has_a_case_with_and_one_without_the_sum():
    """A step with sums apart calls the one without: to tune that, it has to be found."""
    op = RMS_NORM_LINEAR_SILU_MUL
    found = [case for case in cases(op) if case.op is op]
    assert [case.case.part(RmsNormCase).residual for case in found] == [True, False]
    assert [case.count for case in found] == [MODEL.layers] * 2


@pytest.mark.parametrize(
    ("composite", "sums"),
    [(RMS_NORM_LINEAR_SILU_MUL, False), (LINEAR_SILU_MUL, False), (LINEAR_ADD, True)],
    ids=lambda value: getattr(value, "name", value),
)
def test_sums_are_cases_where_something_takes_them(composite, sums):
    assert any(case.op is ADD for case in cases(composite)) is sums


def test_rope_inside_the_attention():
    (fused,) = [case for case in cases(ROPE_APPEND_ATTENTION) if case.op is ROPE_APPEND_ATTENTION]
    assert (fused.roles, fused.count) == (("rope_append+attention",), MODEL.layers)
