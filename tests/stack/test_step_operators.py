"""The operators that a prediction is made of are those of the decode program, byte for byte."""

from collections import Counter

import pytest

from truetpot.decode.program import decode_program
from truetpot.errors import UserError
from truetpot.facts.families import all_families
from truetpot.facts.hf_config import model_from_config
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.stack import yardstick
from truetpot.stack.predict.operators import Point, step_operators

CASES = [
    ("qwq-32b", 4, "fp8_e4m3", "fp16", 1024, 1),
    ("qwq-32b", 1, "sym_int4", "fp8_e5m2", 0, 8),
    ("qwen3-32b", 2, "bf16", "fp16", 5000, 3),
    ("llama-3.1-8b", 1, "woq_int4", "fp16", 1, 1),
    ("qwen2.5-0.5b", 1, "sym_int8", "fp16", 100, 2),
    ("llama-3.1-70b", 8, "asym_int4", "fp8_e4m3", 100, 64),
    ("exaone4", 1, "bf16", "fp16", 100, 2),
    ("exaone4", 2, "sym_int4", "fp16", 100, 1),
]


def model_of(name):
    """A known one, or one of a family with the sizes of its class."""
    if name in all_families():
        config = {"model_type": name, "sliding_window": None}
        return model_from_config(config, name=name, where="config.json")
    return load_model(name)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_list_is_the_decode_program(case):
    name, tp, format, kv_format, context, batch = case
    model = model_of(name)
    shape = Workload(
        context=context,
        format=format,
        kv_format=kv_format,
        dtype="fp16",
        batch=batch,
        tp=tp,
        collectives=tp > 1,
    )
    calls = decode_program(model, shape).calls
    want = Counter((call.role, call.op.name, call.op.bytes(call.case)) for call in calls)
    point = Point(model, tp, format, kv_format, "fp16", context, batch)
    got = Counter()
    for one in step_operators(point):
        got[one.role, one.op, one.bytes] += one.count
    assert got == want
    order = list(dict.fromkeys((call.role, call.op.name) for call in calls))
    assert set(order) == {(one.role, one.op) for one in step_operators(point)}


def test_shapes_are_those_of_the_cases():
    model = load_model("qwq-32b")
    calls = decode_program(
        model,
        Workload(context=1024, format="fp8_e4m3", kv_format="fp16", dtype="fp16", batch=8, tp=4),
    ).calls
    cases = {call.role: call.case for call in calls}
    for one in step_operators(Point(model, 4, "fp8_e4m3", "fp16", "fp16", 1024, 8)):
        if one.op == "linear":
            case = cases[one.role]
            assert one.shape == {"m": case.m, "n": case.n, "k": case.k}
        if one.op == "decode_attention":
            case = cases[one.role]
            assert one.shape["tokens"] == case.context
            assert (one.shape["heads"], one.shape["kv_heads"]) == (case.heads, case.kv_heads)


@pytest.mark.parametrize(
    ("change", "word"), [({"batch": 0}, "batch"), ({"context": -1}, "context"), ({"tp": 3}, "tp")]
)
def test_a_point_that_is_none(change, word):
    point = {
        "tp": 1,
        "format": "fp8",
        "kv_format": "fp16",
        "dtype": "fp16",
        "context": 1,
        "batch": 1,
    }
    with pytest.raises(UserError, match=word):
        step_operators(Point(load_model("qwq-32b"), **(point | change)))


def test_a_mixture_has_no_step():
    with pytest.raises(UserError, match="mixture of experts"):
        step_operators(Point(load_model("mixtral-8x7b"), 1, "fp8", "fp16", "fp16", 1, 1))


@pytest.mark.parametrize("name", ["qwq-32b", "exaone4"])
@pytest.mark.parametrize("tp", [1, 2])
@pytest.mark.parametrize("apart", [False, True])
def test_every_role_of_the_step_has_one_of_a_trace(name, tp, apart):
    shape = Workload(
        context=9, format="bf16", kv_format="fp16", dtype="fp16", batch=1, tp=tp, collectives=tp > 1
    )
    for call in decode_program(model_of(name), shape, apart).calls:
        assert call.role in yardstick._OURS
        assert (call.role in yardstick._ONCE) == (call.layer is None), call.role
