"""The float64 references against torch in float64, and transformers where it has the operator."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from truetpot.formats import dequantise
from truetpot.ops import (
    ADD,
    ALL_GATHER,
    ALL_REDUCE,
    ARGMAX,
    BEST_OF_RANKS,
    DECODE_ATTENTION,
    EMBEDDING,
    LINEAR,
    LOCAL_BEST,
    MEMORY_READ,
    OPERATORS,
    RMS_NORM,
    ROPE_APPEND,
    SILU_MUL,
    DecodeAttentionCase,
    LinearCase,
)


def tensor(array):
    return torch.from_numpy(np.asarray(array).astype(np.float64))


def linear(case, inputs):
    bias = tensor(inputs["bias"]) if case.bias else None
    return {
        "out": functional.linear(tensor(inputs["x"]), tensor(dequantise(inputs["weight"])), bias)
    }


def tokens(cache, table, sequence, length):
    """One by one, where the block table says."""
    page = cache.shape[2]
    return np.stack(
        [
            cache[sequence if table is None else table[sequence, t // page], :, t % page]
            for t in range(length)
        ],
        axis=1,
    )


def decode_attention(case, inputs):
    out = []
    for row, whole in enumerate(inputs["lengths"].repeat(case.query_tokens)):
        i, token = divmod(row, case.query_tokens)
        length = whole - case.query_tokens + token + 1  # what the token sees, itself the last
        q = tensor(inputs["q"][row])[:, None]
        k, v = (
            tensor(tokens(inputs[name], inputs["block_table"], i, length))
            for name in ("k_cache", "v_cache")
        )
        group = case.heads // case.kv_heads
        k, v = k.repeat_interleave(group, 0), v.repeat_interleave(group, 0)
        out.append(functional.scaled_dot_product_attention(q, k, v)[:, 0])
    return {"out": torch.stack(out)}


def rms_norm(case, inputs):
    x = tensor(inputs["x"])
    if case.residual:
        x = x + tensor(inputs["residual"])
    out = functional.rms_norm(x, (case.hidden,), tensor(inputs["gamma"]), case.eps)
    return {"out": out} | ({"residual": x} if case.residual else {})


def rope_append(case, inputs):
    from transformers.models.qwen2.modeling_qwen2 import apply_rotary_pos_emb

    qkv = tensor(inputs["qkv"]).view(case.rows, 1, -1, case.head_dim).transpose(1, 2)
    q, k, v = qkv.split((case.heads, case.kv_heads, case.kv_heads), dim=1)
    if case.qk_norm:
        q = functional.rms_norm(q, (case.head_dim,), tensor(inputs["q_norm"]), case.eps)
        k = functional.rms_norm(k, (case.head_dim,), tensor(inputs["k_norm"]), case.eps)
    # transformers has each cosine twice, once for either element of its pair
    row = tensor(inputs["cos_sin"][inputs["positions"]])[:, None]
    cos, sin = (half.repeat(1, 1, 2) for half in row.chunk(2, dim=-1))
    q, k = apply_rotary_pos_emb(q, k, cos, sin)
    caches = {name: inputs[name].astype(np.float64) for name in ("k_cache", "v_cache")}
    for i, position in enumerate(inputs["positions"]):
        page = caches["k_cache"].shape[2]
        table, own = inputs["block_table"], i // case.query_tokens
        block = own if table is None else table[own, position // page]
        caches["k_cache"][block, :, position % page] = k[i, :, 0]
        caches["v_cache"][block, :, position % page] = v[i, :, 0]
    return {"q": q[:, :, 0], **{name: tensor(cache) for name, cache in caches.items()}}


def silu_mul(case, inputs):
    gate, up = tensor(inputs["gate_up"]).chunk(2, dim=1)
    return {"out": functional.silu(gate) * up}


def embedding(case, inputs):
    return {"out": functional.embedding(torch.from_numpy(inputs["ids"]), tensor(inputs["table"]))}


def argmax(case, inputs):
    return {"out": tensor(inputs["logits"]).argmax(dim=1)}


def memory_read(case, inputs):
    return {"out": torch.tensor([sum(inputs["buffer"].tolist()) % 2**32])}


def all_reduce(case, inputs):
    flat = tensor(inputs["x"]).flatten()
    turned = [flat.roll(rank * (flat.numel() // 3 + 1)) for rank in range(case.tp)]
    total = {"out": torch.stack(turned).sum(dim=0).reshape(case.m, case.n)}
    return total if case.in_place else total | {"x": tensor(inputs["x"])}


def all_gather(case, inputs):
    factors = torch.tensor([1.0, -2.0, 4.0, -8.0], dtype=torch.float64)[: case.tp]
    return {"out": tensor(inputs["x"]) * factors[:, None, None]}


def local_best(case, inputs):
    values, ids = tensor(inputs["logits"]).max(dim=1)
    return {"out": torch.stack((values, ids.double()), dim=1)}


def best_of_ranks(case, inputs):
    values, ids = tensor(inputs["best"]).unbind(dim=2)
    firsts = torch.arange(case.tp)[:, None] * case.part
    rank = torch.zeros(case.m, dtype=torch.int64)
    for other in range(1, case.tp):
        rank[values[other] > values[rank, torch.arange(case.m)]] = other
    whole = (ids.long() + firsts)[rank, torch.arange(case.m)]
    return {"out": whole.clamp(max=case.vocab - 1)}


INDEPENDENT = {
    LINEAR: linear,
    DECODE_ATTENTION: decode_attention,
    RMS_NORM: rms_norm,
    ROPE_APPEND: rope_append,
    SILU_MUL: silu_mul,
    ADD: lambda case, inputs: {"out": torch.add(*map(tensor, inputs.values()))},
    EMBEDDING: embedding,
    ARGMAX: argmax,
    MEMORY_READ: memory_read,
    ALL_REDUCE: all_reduce,
    ALL_GATHER: all_gather,
    LOCAL_BEST: local_best,
    BEST_OF_RANKS: best_of_ranks,
}


@pytest.mark.parametrize("op", INDEPENDENT, ids=lambda op: op.name)
def test_reference_agrees_with_torch_in_float64(op, rng):
    for case in op.grid():
        if getattr(case, "context", 0) > 2000 or getattr(case, "vocab", 0) > 2000:
            continue
        inputs = op.inputs(case, rng)
        got, want = op.reference(case, inputs), INDEPENDENT[op](case, inputs)
        assert got.keys() == want.keys()
        for name in want:
            # the caches hold 1e4 where they are unused, so an absolute tolerance would be idle
            np.testing.assert_allclose(
                got[name], want[name].numpy(), rtol=1e-10, atol=1e-12, err_msg=case.label()
            )


def test_every_simple_operator_has_an_independent_reference():
    simple = [op for op in OPERATORS.values() if not hasattr(op, "parts")]
    assert set(simple) == set(INDEPENDENT)


def test_linear_reference_of_many_rows_is_joined_in_order(rng):
    # more than one part of 2**23 weights
    case = LinearCase("bf16", 2, 70_000, 128, "fp8_e5m2")
    inputs = LINEAR.inputs(case, rng)
    want = linear(case, inputs)["out"].numpy()
    np.testing.assert_allclose(LINEAR.reference(case, inputs)["out"], want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("page", [None, 8])
def test_unused_cache_slots_do_not_matter(page, rng):
    case = DecodeAttentionCase("bf16", 2, 4, 2, 32, 21, "bf16", page, ragged=True)
    inputs = DECODE_ATTENTION.inputs(case, rng)
    want = DECODE_ATTENTION.reference(case, inputs)["out"]
    assert np.abs(want).max() < 10
    for name in ("k_cache", "v_cache"):
        cache = inputs[name]
        cache[np.abs(cache.astype(np.float32)) > 1000] = np.nan
    np.testing.assert_array_equal(DECODE_ATTENTION.reference(case, inputs)["out"], want)
