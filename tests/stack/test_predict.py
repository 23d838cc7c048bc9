"""A step borrowed from an Arc Pro B60's kernels: every operator a term, and never a guess."""

from dataclasses import replace

import pytest

from truetpot.errors import UserError
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.stack.library.read import Library
from truetpot.stack.predict.borrowed import Shelf
from truetpot.stack.predict.operators import Point, step_operators
from truetpot.stack.predict.record import predict_record

B60 = load_hardware("arc-pro-b60")
QWEN = Point(load_model("qwen2.5-32b"), 4, "fp8", "fp16", "fp16", 1024, 1)
BATCHES = (1, 8, 16, 32)
HAS = {"linear", "decode_attention", "all_reduce"}


def predicted(library, point=QWEN, batches=BATCHES, card=B60, launch_us=None):
    return predict_record(point, batches, card, library, "library", launch_us, "command")


@pytest.fixture(scope="module")
def record(library):
    return predicted(library)


def test_every_operator_of_the_step_is_a_term(record):
    for step in record.steps:
        operators = step_operators(replace(QWEN, batch=step.batch))
        assert [(one.role, one.op, one.count) for one in step.terms] == [
            (one.role, one.op, one.count) for one in operators
        ]
        assert {one.op for one in step.terms if one.predicted_ms is not None} >= HAS


def test_the_whole_is_the_sum_of_its_terms(record):
    for step in record.steps:
        assert step.predicted_low_ms == pytest.approx(sum(one.low_ms for one in step.terms))
        assert step.predicted_high_ms == pytest.approx(sum(one.high_ms for one in step.terms))
        assert step.spec_ms < step.predicted_low_ms < step.borrowed_ms < step.predicted_high_ms


def test_every_estimate_is_within_its_interval(record):
    for one in (term for step in record.steps for term in step.terms):
        assert 0 <= one.low_ms <= one.high_ms
        if one.predicted_ms is not None:
            assert one.low_ms <= one.predicted_ms <= one.high_ms
            assert one.source


def test_what_the_library_lacks_is_its_bytes_to_a_launch(record):
    (step,) = (one for one in record.steps if one.batch == 32)
    terms = {one.role: one for one in step.terms}
    silu, rope = terms["silu_mul"], terms["rope_append"]
    least = 64 * silu.bytes / (record.bandwidth_gb_s * 1e9) * 1e3
    assert silu.predicted_ms is None
    assert (silu.low_ms, silu.high_ms) == pytest.approx((least, 64 * record.launch_us * 1e-3))
    assert rope.high_ms == pytest.approx(2 * silu.high_ms)
    assert 440 < record.bandwidth_gb_s < 456
    assert 31 < record.launch_us < 35


def test_norms_of_the_heads_are_launches_too(library):
    qwen3 = replace(QWEN, model=load_model("qwen3-32b"))
    (step,) = predicted(library, qwen3, (1,)).steps
    terms = {one.role: one for one in step.terms}
    assert terms["rope_append"].high_ms == pytest.approx(4 * terms["silu_mul"].high_ms)


def test_a_k_off_the_grid_is_the_widest(record):
    down = next(one for one in record.steps[0].terms if one.role == "down")
    gate_up = next(one for one in record.steps[0].terms if one.role == "gate_up")
    assert down.how == "between k" and gate_up.how == "between n"
    assert down.high_ms / down.low_ms > 2
    assert gate_up.high_ms / gate_up.low_ms < 1.25


def test_a_table_that_cannot_be_true_is_passed_over(record):
    assert not any("0.12" in (one.source or "") for step in record.steps for one in step.terms)
    assert sum("rows that cannot be true" in note for note in record.notes) == 2


def test_it_is_no_measurement(record):
    assert (record.kind, record.rung) == ("predict", "borrowed")
    assert not {"rungs", "ms_per_token", "step_timing"} & set(record.__struct_fields__)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "sym_int4"}, "no table of Intel Arc Pro B60 has linear in sym_int4"),
        ({"model": load_model("llama-3.1-70b"), "tp": 16}, "o_sum cannot be predicted"),
        ({"context": 10**6}, "tokens 2 to 131072"),
        ({"model": load_model("llama-3.1-70b"), "tp": 1}, "lm_head cannot be predicted"),
        ({"dtype": "fp32"}, "--dtype fp32"),
    ],
)
def test_what_it_lacks_and_cannot_bound_is_refused(library, change, words):
    with pytest.raises(UserError, match=words) as caught:
        predicted(library, replace(QWEN, **change), (1,))
    assert len(str(caught.value).splitlines()) == 1


def test_another_card_borrows_nothing(library):
    with pytest.raises(UserError, match="no table of Intel Arc B580"):
        predicted(library, card=load_hardware("arc-b580"))


def test_the_newest_version_counts(library):
    shelf = Shelf(library.tables, B60)
    versions = {(one.table.op, one.table.format): one.table.origin.version for one in shelf.entries}
    assert versions["linear", "fp8"].startswith("0.20")


def test_without_small_shapes_a_launch_has_to_be_given(library):
    few = Library(
        tuple(
            replace(one, rows={key: s for key, s in one.rows.items() if one.demand(key) > 10**8})
            if one.op == "linear"
            else one
            for one in library.tables
        ),
        {},
    )
    big = replace(QWEN, tp=1, model=load_model("llama-3.1-70b"))
    with pytest.raises(UserError, match="--launch-us"):
        predicted(few, big, (1,))
    with pytest.raises(UserError, match="no time of a launch"):
        predicted(few, big, (1,), launch_us=-1)


def test_a_launch_that_is_given(library):
    (step,) = predicted(library, batches=(1,), launch_us=10).steps
    assert next(one.high_ms for one in step.terms if one.role == "silu_mul") == pytest.approx(0.64)
