from dataclasses import replace

import pytest

from truetpot.decode.program import (
    INPUTS,
    Parameter,
    decode_program,
    step_bytes,
)
from truetpot.errors import UserError
from truetpot.facts.models import all_models, check_decoded, load_model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload

SHAPE = Workload(context=1024, format="sym_int4", kv_format="bf16", dtype="bf16", batch=1, tp=1)


def decoded(model):
    try:
        check_decoded(model)
    except UserError:
        return False
    return True


DECODED = [name for name, model in all_models().items() if decoded(model)]


def test_a_model_that_no_kernel_runs_is_refused():
    assert set(all_models()) - set(DECODED) >= {"mixtral-8x7b", "gpt-oss-20b", "gemma-3-12b"}
    with pytest.raises(UserError, match="cannot run yet"):
        decode_program(load_model("mixtral-8x7b"), SHAPE)


@pytest.mark.parametrize("name", DECODED)
def test_values_exist_before_use_and_are_written_once(name):
    program = decode_program(load_model(name), SHAPE)
    known = set(INPUTS)
    for call in program.calls:
        used = {value for value in call.args.values() if isinstance(value, str)}
        assert used <= known, call
        assert not known & set(call.outputs), call
        assert len(call.outputs) == len(call.op.returns)
        known.update(call.outputs)
    assert set(program.outputs) <= known


@pytest.mark.parametrize("name", DECODED)
def test_args_are_what_the_contract_takes(name):
    import numpy as np

    model = replace(load_model(name), hidden=128, intermediate=128, vocab=64)
    program = decode_program(model, replace(SHAPE, context=3, layers=2))
    for call in program.calls:
        inputs = call.op.inputs(call.case, np.random.default_rng(0))
        assert inputs.keys() == call.args.keys(), call
        for input_name, value in inputs.items():
            if input_name != "block_table":  # always named; None in a contiguous cache
                assert (value is None) == (call.args[input_name] is None), call


@pytest.mark.parametrize("weight_format", ["bf16", "fp8_e5m2", "sym_int4"])
@pytest.mark.parametrize("tp", [1, 2, 4])
@pytest.mark.parametrize("batch", [1, 3])
def test_bytes_are_those_of_the_facts(weight_format, tp, batch):
    model = load_model("qwq-32b")
    program = decode_program(model, replace(SHAPE, format=weight_format, tp=tp, batch=batch))
    facts = traffic(
        model, Workload(tp=tp, format=weight_format, kv_format="bf16", context=1024, batch=batch)
    )
    weights = kv = 0
    for call in program.calls:
        reads = call.op.reads(call.case)
        weights += sum(reads[name] for name in call.op.weights)
        if call.role == "attention":
            kv += reads["k_cache"] + reads["v_cache"]
    assert weights == facts.weights + facts.scales
    assert kv == facts.kv + facts.kv_write  # attention reads the new token too
    total = sum(step_bytes(program).values())
    assert facts.bound < total < 1.02 * facts.bound


def test_roles():
    program = decode_program(load_model("qwq-32b"), SHAPE)
    sizes = step_bytes(program)
    assert list(sizes) == [
        "embedding",
        "attn_norm",
        "qkv",
        "rope_append",
        "attention",
        "o",
        "mlp_norm",
        "gate_up",
        "silu_mul",
        "down",
        "final_norm",
        "lm_head",
        "argmax",
    ]
    assert len(program.calls) == 64 * 9 + 4
    assert sum(sizes.values()) == sum(c.op.bytes(c.case) for c in program.calls)


def test_first_norm_adds_nothing_and_the_others_do():
    norms = [c for c in decode_program(load_model("qwen3-8b"), SHAPE).calls if "norm" in c.role]
    assert norms[0].args["residual"] is None
    assert not norms[0].case.residual
    assert all(c.args["residual"] == "hidden" and c.case.residual for c in norms[1:])


def test_reads_like_code():
    calls = decode_program(load_model("qwen2.5-0.5b"), SHAPE).calls
    assert str(calls[0]) == "hidden = embedding(ids=ids, table=embedding)"
    assert str(calls[2]) == (
        "qkv.0 = linear(x=attn_norm.0, weight=layers.0.qkv.weight, bias=layers.0.qkv_bias)"
    )
    assert str(Parameter("cache", "k_cache", 3)) == "layers.3.k_cache"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers = 0"),
        ({"layers": 65}, "has 64"),
        ({"batch": 0}, "batch = 0"),
        ({"context": -1}, "context = -1"),
        ({"page": 0}, "page = 0"),
        ({"tp": 3}, "tp = 3"),
        ({"format": "int3"}, "int3"),
    ],
)
def test_impossible_shapes(change, message):
    with pytest.raises(UserError, match=message):
        decode_program(load_model("qwq-32b"), replace(SHAPE, **change))
