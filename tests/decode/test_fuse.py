"""Fusion, with a composite that nobody ships: norm, qkv projection, rope in one."""

import copy
from dataclasses import replace

import pytest

from truetpot.decode import preference
from truetpot.decode.fuse import fuse, fused_program
from truetpot.decode.program import decode_program
from truetpot.facts.models import load_model
from truetpot.facts.workload import Workload
from truetpot.ops import COMPOSITES, LINEAR, LINEAR_SILU_MUL, RMS_NORM, ROPE_APPEND, Composite
from truetpot.ops.registry import REGISTRY, Kernel
from truetpot.ops.tolerance import relative_error

SHAPE = Workload(
    context=16, format="sym_int4", kv_format="bf16", dtype="bf16", batch=1, tp=1, layers=3
)
NORM_QKV = Composite("rms_norm_linear", (RMS_NORM, LINEAR), ("x",), lambda: ())
NORM_QKV_ROPE = Composite(
    "rms_norm_linear_rope_append", (RMS_NORM, LINEAR, ROPE_APPEND), ("x", "qkv"), lambda: ()
)
ALL = (NORM_QKV, LINEAR_SILU_MUL, NORM_QKV_ROPE)


def program():
    return decode_program(load_model("qwen2.5-0.5b"), SHAPE)


def ranks(**places):
    """Operators named have that place, all others 1."""
    return lambda op, case: places.get(op.name, 1)


def roles(program, layer=0):
    return [call.role for call in program.calls if call.layer == layer]


def test_nothing_to_fuse():
    none = ranks(linear_silu_mul=None)
    assert fuse(program(), none, [LINEAR_SILU_MUL]).calls == program().calls
    assert fuse(program(), ranks(), []).calls == program().calls


def test_the_largest_wins():
    fused = fuse(program(), ranks(), ALL)
    assert roles(fused) == [
        "attn_norm+qkv+rope_append",
        "attention",
        "o",
        "mlp_norm+gate_up",  # starts before gate_up+silu_mul
        "silu_mul",
        "down",
    ]
    call = fused.calls[1]
    assert call.op is NORM_QKV_ROPE
    assert [type(part).__name__ for part in call.case.parts] == [
        "RmsNormCase",
        "LinearCase",
        "RopeAppendCase",
    ]
    assert call.outputs == ("q.0",)
    # what passes between the parts is gone, everything else is there under its own name
    assert "qkv" not in call.args
    assert call.args["x"] == "hidden"
    assert {"gamma", "residual", "weight", "bias", "positions", "k_cache"} <= call.args.keys()


def test_the_first_provider_wins_over_the_larger_composite():
    rank = ranks(rms_norm=0, linear=0, rms_norm_linear=0)
    assert roles(fuse(program(), rank, ALL))[:3] == ["attn_norm+qkv", "rope_append", "attention"]
    rank = ranks(rms_norm=0, linear=0)
    assert roles(fuse(program(), rank, ALL))[:3] == ["attn_norm", "qkv", "rope_append"]


def test_a_value_used_elsewhere_is_kept():
    plain = program()
    assert "final_norm+lm_head" in [c.role for c in fuse(plain, ranks(), [NORM_QKV]).calls]
    watched = replace(plain, outputs=("logits", "next_ids", "final_norm"))
    fused = fuse(watched, ranks(), [NORM_QKV])
    assert [c.role for c in fused.calls][-3:] == ["final_norm", "lm_head", "argmax"]


def test_wires_must_connect():
    plain = program()
    calls = list(plain.calls)
    calls[2] = replace(calls[2], args={**calls[2].args, "x": "hidden"})  # qkv skips its norm
    fused = fuse(replace(plain, calls=tuple(calls)), ranks(), [NORM_QKV])
    assert roles(fused)[:2] == ["attn_norm", "qkv"]


def test_inputs_shared_by_name_must_be_one_value():
    # two linears in a row share "weight" by name, but have one each
    both = Composite("linear_linear", (LINEAR, LINEAR), ("x",), lambda: ())
    plain = program()
    o, gate_up = (next(c for c in plain.calls if c.role == role) for role in ("o", "gate_up"))
    gate_up = replace(gate_up, args={**gate_up.args, "x": o.outputs[0]})
    assert len(fuse(replace(plain, calls=(o, gate_up)), ranks(), [both]).calls) == 2


class FusedNormLinear(Kernel):
    """torch's two kernels in one call, as a user's own file might have it."""

    op, provider, devices, source = NORM_QKV, "fused", ("cpu",), "test"
    called = 0

    def __init__(self, case, device, **config):
        super().__init__(case, device, **config)
        parts = zip(NORM_QKV.parts, case.parts, strict=True)
        self.norm, self.linear = (REGISTRY.build(op.name, "torch", c, device) for op, c in parts)

    def pack(self, weight):
        return self.linear.pack(weight)

    def __call__(self, *, x, gamma, residual, weight, bias):
        type(self).called += 1
        normed = self.norm(x=x, gamma=gamma, residual=residual)
        return self.linear(x=normed, weight=weight, bias=bias)


@pytest.fixture
def planted(monkeypatch):
    REGISTRY.load_builtin()
    REGISTRY.kernels()  # a file that is imported later would register with the original
    registry = copy.deepcopy(REGISTRY)
    registry.add(FusedNormLinear)
    monkeypatch.setattr(preference, "REGISTRY", registry)


def test_a_planted_composite_runs_in_the_step(checkpoint, planted):
    saved = checkpoint("qwen2")
    plain, fused = saved.step("torch"), saved.step(("fused", "torch"))
    tokens = saved.tokens()
    FusedNormLinear.called = 0
    assert relative_error(fused.feed(tokens), plain.feed(tokens)) == 0
    assert FusedNormLinear.called == (2 * saved.model.layers + 1) * len(tokens)
    assert fused.providers["attn_norm+qkv"] == "fused"
    assert fused.providers["attention"] == "torch"
    uses = {use.role: use for use in fused.calls_by_kernel()}
    assert uses["mlp_norm+gate_up"].count == saved.model.layers
    assert uses["mlp_norm+gate_up"].op is NORM_QKV


def best(add=1):
    """Roles of a layer where norms of a sum are not fused, and ``linear_add`` has this rank."""

    def rank(op, case):
        norm = case.parts[0] if op.name.startswith("rms_norm_linear") else None
        return None if norm is not None and norm.residual else ranks(linear_add=add)(op, case)

    model = load_model("qwen2.5-0.5b")
    return roles(fused_program(model, SHAPE, rank, COMPOSITES), 1)


def test_the_way_with_fewer_calls_is_taken():
    assert best(add=None) == [
        "attn_norm", "qkv", "rope_append+attention", "o", "mlp_norm", "gate_up+silu_mul", "down",
    ]  # fmt: skip
    # sums in the projections before, norms in those after
    assert best() == [
        "attn_norm+qkv", "rope_append+attention", "o+mlp_norm_add",
        "mlp_norm+gate_up+silu_mul", "down+attn_norm_add",
    ]  # fmt: skip
    # a call less is not worth a provider that comes later
    assert best(add=2) == best(add=None)


def test_a_part_of_an_earlier_provider_is_not_displaced():
    fused = fuse(program(), ranks(silu_mul=0), [LINEAR_SILU_MUL])
    assert {"gate_up", "silu_mul"} < set(roles(fused))
    both = fuse(program(), ranks(silu_mul=0, linear_silu_mul=0), [LINEAR_SILU_MUL])
    assert "gate_up+silu_mul" in roles(both)
