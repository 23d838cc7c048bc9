"""A kernel of a step is checked on a case of fewer rows, whatever composite one has declared."""

import itertools

import numpy as np
import pytest

from truetpot.decode.fuse import fuse
from truetpot.decode.program import decode_program
from truetpot.errors import UserError
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.ops import (
    LINEAR,
    LINEAR_SILU_MUL,
    RMS_NORM,
    ROPE_APPEND,
    SILU_MUL,
    Composite,
    CompositeCase,
    LinearCase,
    RmsNormCase,
    SiluMulCase,
)
from truetpot.runs.checks import CHECKED_ROWS

MODEL = load_model("qwen2.5-0.5b")
MOST_PARTS = 5


def composites():
    """Every run of the step's calls as a composite, with the case that the step has for it."""
    found = {}
    for apart, batch in itertools.product((False, True), (1, 3)):
        shape = Workload(
            context=20, format="fp32", kv_format="fp32", dtype="fp32", batch=batch, tp=1, layers=2
        )
        program = decode_program(MODEL, shape, apart)
        for length in range(2, MOST_PARTS + 1):
            for run in (program.calls[i : i + length] for i in range(len(program.calls))):
                wires = [
                    next((n for n, value in call.args.items() if value == before.outputs[0]), None)
                    for before, call in itertools.pairwise(run)
                ]
                if len(run) < length or None in wires:
                    continue
                parts = tuple(call.op for call in run)
                name = "+".join(part.name for part in parts)
                op = Composite(name, parts, tuple(wires), grid=lambda: ())
                for call in fuse(program, lambda op, case: 0, [op]).calls:
                    if call.op is op:
                        found.setdefault((name, call.case), (op, call.case))
    return list(found.values())


FOUND = composites()


def test_those_that_end_in_anything_are_among_them():
    names = {op.name for op, _ in FOUND}
    assert len(names) > 15
    assert {
        "rms_norm+linear+rope_append",
        "linear+rope_append+decode_attention",
        "decode_attention+linear",
        "decode_attention+linear+add",
        "silu_mul+linear",
        "linear+silu_mul+linear",
    } & names >= {"rms_norm+linear+rope_append", "decode_attention+linear", "silu_mul+linear"}


@pytest.mark.parametrize(("op", "case"), FOUND, ids=[f"{op.name} {c.label()}" for op, c in FOUND])
def test_the_reduced_case_holds_together(op, case):
    fewer = op.reduced(case, CHECKED_ROWS)
    rng = np.random.default_rng(0)
    want = op.reference(fewer, op.inputs(fewer, rng))
    assert {*op.returns} <= {*want}
    assert all(np.isfinite(array).all() for name, array in want.items() if name in op.returns)
    assert fewer.parts[0].dtype == case.parts[0].dtype


def test_a_linear_and_its_activation_are_cut_down_together():
    parts = LinearCase("bf16", 1, 8192, 64, "bf16"), SiluMulCase("bf16", 1, 4096)
    case = LINEAR_SILU_MUL.case(*parts)
    linear, silu = LINEAR_SILU_MUL.reduced(case, CHECKED_ROWS).parts
    assert (linear.n, silu.n) == (CHECKED_ROWS, CHECKED_ROWS // 2)


def test_heads_are_not_cut_down():
    op = Composite("own", (RMS_NORM, LINEAR, ROPE_APPEND), ("x", "qkv"), grid=lambda: ())
    shape = Workload(
        context=20, format="fp32", kv_format="fp32", dtype="fp32", batch=1, tp=1, layers=1
    )
    (call,) = [
        call
        for call in fuse(decode_program(load_model("qwq-32b"), shape), lambda *_: 0, [op]).calls
        if call.op is op
    ]
    assert call.case.parts[1].n > CHECKED_ROWS
    assert op.reduced(call.case, CHECKED_ROWS) == call.case


def test_the_last_linear_is_cut_down_and_not_what_it_reads():
    op = Composite("own", (LINEAR, SILU_MUL, LINEAR), ("gate_up", "x"), grid=lambda: ())
    parts = (
        LinearCase("bf16", 1, 8192, 64, "bf16"),
        SiluMulCase("bf16", 1, 4096),
        LinearCase("bf16", 1, 5120, 4096, "bf16"),
    )
    first, silu, last = op.reduced(op.case(*parts), CHECKED_ROWS).parts
    assert (first, silu, last.n, last.k) == (*parts[:2], CHECKED_ROWS, 4096)


def test_parts_that_do_not_fit_are_told_in_a_sentence(rng):
    op = Composite("own", (RMS_NORM, LINEAR), ("x",), grid=lambda: ())
    parts = RmsNormCase("bf16", 1, 64), LinearCase("bf16", 1, 8, 65, "bf16")
    case = CompositeCase("bf16", parts)
    with pytest.raises(UserError, match="The composite own does not fit together at linear"):
        op.reference(case, op.inputs(case, rng))


@pytest.mark.parametrize(
    ("parts", "wires", "says"),
    [
        ((LINEAR,), (), "needs two operators or more"),
        ((LINEAR, "silu_mul"), ("gate_up",), "needs two operators or more"),
        ((LINEAR, SILU_MUL), (), "of 2 parts needs 1 wires"),
        ((LINEAR, SILU_MUL), ("gate_up"), "needs 1 wires, a tuple .*, not 'gate_up'"),
    ],
)
def test_a_composite_is_declared_of_parts_and_wires(parts, wires, says):
    with pytest.raises(ValueError, match=says):
        Composite("own", parts, wires, grid=lambda: ())


@pytest.fixture
def rng():
    return np.random.default_rng(1)
