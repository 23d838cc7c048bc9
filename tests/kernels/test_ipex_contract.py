"""The ipex adapters for XPU, against stand-ins under the schemas of IPEX's sources: a contract.

Layouts are decoded as IPEX's own tests and comments describe them (tests/gpu/examples,
nn/utils/_quantize_convert.py and paged_attention_kernel.hpp of its xpu-main branch) and computed in
float64. The vendor's kernels do not run, and nothing is timed.
"""

import pytest
import torch
from truetpot.kernels._lib.vendors import ipex

from tests.prepared import check
from truetpot.ops import DECODE_ATTENTION, LINEAR, RMS_NORM, DecodeAttentionCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")
SCHEMAS = {
    "mm_int4": "(Tensor _0, Tensor _1, Tensor _2, Tensor _3, int _4, Tensor? _5) -> Tensor",
    "mm_bias_int4": (
        "(Tensor _0, Tensor _1, Tensor _2, Tensor _3, Tensor _4, int _5, Tensor? _6) -> Tensor"
    ),
    "mm_low_bits": (
        "(Tensor _0, Tensor _1, Tensor _2, Tensor? _3, Tensor? _4, bool _5, str _6, str _7, "
        "int _8, Tensor? _9) -> Tensor"
    ),
    "fp8_gemm_w8a16": "(Tensor _0, Tensor _1, bool _2, Tensor? _3, Tensor? _4) -> Tensor",
    "fast_rms_norm": "(Tensor _0, int[] _1, Tensor _2, Tensor? _3, float _4) -> Tensor",
    "paged_attention": (
        "(Tensor(a!) _0, Tensor _1, Tensor _2, Tensor _3, Tensor _4, Tensor _5, int _6, float _7, "
        "int _8, int _9, Tensor? _10, float _11) -> ()"
    ),
}


def nibbles(words):
    """[n, k] codes of int32 [n, k/8], the lowest four bits first."""
    shifts = torch.arange(0, 32, 4)
    return ((words[..., None] >> shifts) & 15).reshape(len(words), -1).double()


def int4(x, words, scales, group):
    """Scales [n, k/group], zero point 8."""
    values = (nibbles(words) - 8) * scales.double().repeat_interleave(group, 1)
    return x.double() @ values.T


def mm_int4(x, words, scales, zeros, group, g_idx):
    assert g_idx is None and zeros.tolist() == [8] and zeros.dtype == torch.int8
    assert words.dtype == torch.int32 and words.shape[0] == x.shape[1] // 8
    assert words.stride()[0] == 1, "contiguous along k"
    assert scales.is_contiguous() and scales.shape == (x.shape[1] // group, words.shape[1])
    return int4(x, words.t(), scales.t(), group).to(x.dtype)


def mm_bias_int4(x, words, bias, scales, zeros, group, g_idx):
    return (mm_int4(x.double(), words, scales, zeros, group, g_idx) + bias.double()).to(x.dtype)


def mm_low_bits(x, words, scales, zeros, bias, has_bias, compute, dtype, group, g_idx):
    assert zeros is None and g_idx is None and has_bias == (bias is not None)
    assert (compute, dtype, len(x)) == ("fp16", "int4_fullrange", 1)
    assert words.is_contiguous() and scales.is_contiguous() and scales.dtype == torch.float16
    out = int4(x, words, scales, group)
    return (out if bias is None else out + bias.double()).to(x.dtype)


def fp8_gemm_w8a16(x, weight, transposed, scale, bias):
    assert transposed and weight.shape[1] == x.shape[1] and scale.dtype == torch.float32
    out = x.double() @ (weight.double() * scale.double()).T
    return (out if bias is None else out + bias.double()).to(x.dtype)


def fast_rms_norm(x, shape, weight, bias, eps):
    assert bias is None and list(shape) == [x.shape[1]]
    wide = x.double()
    return (wide / (wide.pow(2).mean(-1, keepdim=True) + eps).sqrt() * weight.double()).to(x.dtype)


def paged_attention(
    out, q, k_cache, v_cache, table, lengths, group, scale, page, most, slopes, cap
):
    assert slopes is None and cap == -1.0 and most == int(lengths.max())
    assert k_cache.shape[1] == page and group * k_cache.shape[2] == q.shape[1]
    for i, length in enumerate(lengths.tolist()):
        k, v = (
            cache[table[i].long()].reshape(-1, *cache.shape[2:])[:length].double()
            for cache in (k_cache, v_cache)
        )
        k, v = (part.repeat_interleave(group, 1) for part in (k, v))
        p = (torch.einsum("hd,thd->ht", q[i].double(), k) * scale).softmax(-1)
        out[i] = torch.einsum("ht,thd->hd", p, v).to(out.dtype)


STAND_INS = {
    "mm_int4": mm_int4,
    "mm_bias_int4": mm_bias_int4,
    "mm_low_bits": mm_low_bits,
    "fp8_gemm_w8a16": fp8_gemm_w8a16,
    "fast_rms_norm": fast_rms_norm,
    "paged_attention": paged_attention,
}


@pytest.fixture
def stand_ins(monkeypatch):
    """A package that seems to be there, and its operators by the given schemas."""
    if ipex._absent() is None:
        pytest.skip("IPEX is here, with operators of its own")
    monkeypatch.setattr(ipex, "_absent", lambda: None)
    monkeypatch.setattr(ipex, "_build", lambda: "xpu")
    fragment = torch.library.Library("torch_ipex", "FRAGMENT")

    def define(xetla=False, **changed):
        monkeypatch.setattr(ipex, "uses_xetla", lambda: xetla)
        for name, schema in (SCHEMAS | changed).items():
            fragment.define(name + schema)
            fragment.impl(name, STAND_INS[name], "CPU")

    ipex.why_not.cache_clear()
    yield define
    fragment._destroy()
    ipex.why_not.cache_clear()


def adapter(op):
    REGISTRY.load_builtin()
    (kernel,) = (k for k in REGISTRY.kernels(op, "ipex") if k.devices == ("xpu",))
    return kernel


def taken(kernel, cases):
    """Checks every case that the adapter takes; how many."""
    count = 0
    for case in cases:
        if kernel.refuses(case, CPU) is None:
            found = check(kernel(case, CPU), case)
            assert found.ok, (case.label(), found.reason)
            count += 1
    return count


@pytest.mark.parametrize(("xetla", "least"), [(False, 15), (True, 9)])
def test_linear(stand_ins, xetla, least):
    stand_ins(xetla)
    cases = [case for case in LINEAR.grid() if case.k % 64 == 0]
    assert taken(adapter("linear"), cases) >= least


def test_rms_norm(stand_ins):
    stand_ins()
    assert taken(adapter("rms_norm"), RMS_NORM.grid()) == len(list(RMS_NORM.grid()))


def test_decode_attention_of_one_kv_head(stand_ins):
    stand_ins()
    more = [DecodeAttentionCase("fp16", 3, 5, 1, 128, 90, "fp16", 32, ragged=True)]
    assert taken(adapter("decode_attention"), [*DECODE_ATTENTION.grid(), *more]) >= 3


def test_another_schema_is_not_called(stand_ins):
    stand_ins(mm_int4="(Tensor _0, Tensor _1, int _2) -> Tensor")
    reason = adapter("linear").refuses(next(iter(LINEAR.grid())), CPU)
    assert "mm_int4 has a schema that is not known here" in reason
