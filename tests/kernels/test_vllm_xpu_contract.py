"""The vllm_xpu adapters against stand-ins under the wheel's schemas: a contract, never timed.

What an adapter passes is decoded here from the layouts that vLLM gives these operators, computed in
float64 and held against the operator's reference. The vendor's kernels do not run.
"""

import pytest
import torch

from tests.prepared import check
from truetpot.ops import DECODE_ATTENTION, LINEAR, RMS_NORM, SILU_MUL
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

WHEEL = "vllm-xpu-kernels==0.1.16.2"
CPU = choose_device("cpu")


def int4_gemm_w4a16(x, codes, bias, scales, zero, group, order):
    k, n = x.shape[1], codes.shape[1]
    assert codes.dtype == torch.int32 and tuple(codes.shape) == (k // 8, n)
    assert codes.stride() == (1, k // 8)
    assert scales.shape == (k // group, n) and scales.is_contiguous() and scales.dtype == x.dtype
    assert zero.dtype == torch.int8 and zero.shape == (1,) and order is None
    nibbles = torch.stack([codes >> 4 * i & 15 for i in range(8)], 1).reshape(k, n)
    weight = (nibbles - zero).double() * scales.double().repeat_interleave(group, 0)
    return with_bias(x.double() @ weight, bias).to(x.dtype)


def fp8_gemm_w8a16(x, weight, scale, bias):
    assert weight.shape[0] == x.shape[1] and weight.dtype == torch.float8_e5m2
    assert scale.dtype == torch.float32 and scale.numel() == 1
    return with_bias(x.double() @ (weight.double() * scale.double()), bias).to(x.dtype)


def with_bias(out, bias):
    return out if bias is None else out + bias.double()


def rms_norm(result, x, weight, eps):
    wide = x.double()
    result.copy_(wide / (wide.pow(2).mean(-1, keepdim=True) + eps).sqrt() * weight.double())


def fused_add_rms_norm(x, residual, weight, eps):
    residual.copy_(residual.double() + x.double())
    rms_norm(x, residual.clone(), weight, eps)


def silu_and_mul(result, x):
    gate, up = x.double().chunk(2, -1)
    result.copy_(torch.nn.functional.silu(gate) * up)


def varlen_fwd(q, k, v, out, starts, k_starts, used, leftpad, table, alibi, most_q, most_k, dropout,
               q_scale, k_scale, v_scale, scale, sink, zero, causal, left, right, softcap, softmax,
               gen, splits, mix, per_sequence, work):  # fmt: skip
    assert (out, leftpad, alibi, q_scale, k_scale, v_scale, sink, gen) == (None,) * 8
    assert (splits, per_sequence, work) == (None,) * 3
    assert (dropout, zero, causal, left, right) == (0, False, most_q > 1, -1, -1)
    assert (softcap, softmax, mix) == (0, False, True)
    batch, (_, page, kv_heads, _) = len(used), k.shape
    assert starts.dtype == k_starts.dtype == used.dtype == table.dtype == torch.int32
    assert starts.tolist() == [most_q * i for i in range(batch + 1)] and len(k_starts) == batch + 1
    assert most_k == used.max()
    group, rows = q.shape[1] // kv_heads, []
    for i, length in enumerate(used.tolist()):
        keys, values = (
            x[table[i, : -(-length // page)].long()].flatten(0, 1)[:length].double() for x in (k, v)
        )
        keys, values = (x.repeat_interleave(group, 1).transpose(0, 1) for x in (keys, values))
        scores = q[starts[i] : starts[i + 1]].double().transpose(0, 1) @ keys.mT * scale
        if causal:  # from the lower right: the last query sees all
            unseen = torch.ones(scores.shape[1:], dtype=torch.bool).triu(length - most_q + 1)
            scores = scores.masked_fill(unseen, -float("inf"))
        rows.append((scores.softmax(-1) @ values).transpose(0, 1))
    return [torch.cat(rows).to(q.dtype), torch.empty(0)]


STAND_INS = {
    f.__name__: f
    for f in (
        int4_gemm_w4a16, fp8_gemm_w8a16, rms_norm, fused_add_rms_norm, silu_and_mul, varlen_fwd,
    )
}  # fmt: skip


def adapter(op):
    REGISTRY.load_builtin()
    (found,) = REGISTRY.kernels(op.name, "vllm_xpu")
    return found


@pytest.mark.parametrize(
    ("op", "least"), [(LINEAR, 30), (RMS_NORM, 30), (SILU_MUL, 15), (DECODE_ATTENTION, 8)]
)
def test_contract_over_the_grid_of_the_operator(stand_in, op, least):
    stand_in(WHEEL, STAND_INS)
    kernel = adapter(op)
    cases = [case for case in op.grid() if kernel.refuses(case, CPU) is None]
    assert len(cases) >= least
    for case in cases:
        found = check(kernel.make(case, CPU), case)
        assert found.ok, (case.label(), found.reason)


def test_a_wrong_adapter_fails_its_contract(stand_in):
    stand_in(WHEEL, STAND_INS)
    kernel = adapter(LINEAR)

    class Planted(kernel):
        def pack(self, weight):
            codes, scales, zero = super().pack(weight)
            return codes, scales, zero - 1

    case = next(c for c in LINEAR.grid() if c.dtype == "bf16" and c.weight_format == "sym_int4")
    assert check(kernel(case, CPU), case).ok
    assert not check(Planted(case, CPU), case).ok


def test_without_the_package_every_adapter_says_so_in_one_line():
    for op in (LINEAR, RMS_NORM, SILU_MUL, DECODE_ATTENTION):
        reason = adapter(op).refuses(next(iter(op.grid())), CPU)
        assert reason == "vllm_xpu_kernels is not installed (see docs/vendors.md)"
