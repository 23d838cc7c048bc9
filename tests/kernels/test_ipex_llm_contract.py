"""The ipex_llm adapters for XPU, against stand-ins under the vendor's schemas: a contract.

What an adapter passes (shapes, dtypes, layouts, order) is decoded here from the vendor's documented
layouts, computed in float64 and held against the operator's reference. The vendor's kernels do not
run, and nothing is timed.
"""

import math

import numpy as np
import pytest
import torch
from ml_dtypes import float8_e4m3fn, float8_e5m2

from tests.prepared import check
from truetpot.facts.formats import format_facts
from truetpot.facts.ipex_llm import choose, qtypes
from truetpot.formats import dequantise
from truetpot.formats.ipex_llm import LAYOUTS, from_xpu
from truetpot.ops import (
    DECODE_ATTENTION,
    LINEAR,
    LINEAR_SILU_MUL,
    RMS_NORM,
    ROPE_APPEND,
    LinearCase,
)
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

STABLE, NIGHTLY = "bigdl-core-xe-all==2.6.0", "bigdl-core-xe-all==2.7.0b20251026"
WHEELS = (STABLE, NIGHTLY)
FORMATS = (
    "sym_int4", "asym_int4", "woq_int4", "sym_int8", "fp8_e4m3", "fp8_e5m2", "nf4", "fp4", "fp6",
    "q4_k",
)  # fmt: skip
NAMES = {number: name for name, number in qtypes().items()}
CPU = choose_device("cpu")


def decoded(weight, qtype, k):
    """float64 [n, k] of a weight in the vendor's XPU layout: all codes, then all scales."""
    assert weight.dtype == torch.uint8 and weight.dim() == 1
    data, name = weight.numpy(), NAMES[qtype]
    if name in ("nf4", "fp4", "fp6", "q4_k"):  # held against the vendor's library in tests/formats
        n = data.size // LAYOUTS[name].bytes * LAYOUTS[name].size // k
        return torch.from_numpy(dequantise(from_xpu(data.tobytes(), name, (n, k))))
    code, scale = {
        "sym_int4": (32, 2), "woq_int4": (32, 2), "asym_int4": (32, 4), "sym_int8": (64, 4),
        "fp8_e4m3": (64, 4), "fp8_e5m2": (64, 4),
    }[name]  # fmt: skip
    blocks, rest = divmod(data.size, code + scale)
    assert rest == 0
    codes = data[: blocks * code].reshape(blocks, code)
    scales = data[blocks * code :].reshape(blocks, scale)
    if name == "sym_int8":
        values = codes.view(np.int8).astype(np.float64) * scales.view(np.float32)
    elif name == "fp8_e5m2":
        values = codes.view(float8_e5m2).astype(np.float64) * scales.view(np.float32)
    elif name == "fp8_e4m3":
        values = codes.view(float8_e4m3fn).astype(np.float64) * (scales.view(np.float32) / 256)
    else:
        low, high = codes & 15, codes >> 4
        paired = name == "woq_int4"
        nibbles = np.stack([low, high], 2).reshape(blocks, -1) if paired else np.hstack([low, high])
        d = scales.view(np.float16).astype(np.float64)
        values = nibbles * d[:, :1] + d[:, 1:] if name == "asym_int4" else (nibbles - 8.0) * d
    return torch.from_numpy(values.reshape(-1, k))


def product(x, weight, qtype):
    return (x.double() @ decoded(weight, qtype, x.shape[1]).T).to(x.dtype)


def forward_new(x, weight, qtype, outputs):
    calls.append("forward_new")
    out = product(x, weight, qtype)
    assert out.shape[1] == outputs
    return out


def batch_forward(x, weight, qtype):
    calls.append("batch_forward")
    assert x.dtype in (torch.float16, torch.float32)
    return product(x, weight, qtype)


def mlp_forward_xpu(x, gate, up, batch, inputs, outputs, activation, qtype):
    assert (batch, inputs) == tuple(x.shape)
    assert activation == 0
    gate, up = (x.double() @ decoded(w, qtype, inputs).T for w in (gate, up))
    assert gate.shape[1] == outputs
    return (torch.nn.functional.silu(gate) * up).to(x.dtype)


def run_linear_fp8(x, weight, bias, scale):
    assert weight.dtype == torch.float8_e5m2 and scale.shape == (1,)
    out = x.double() @ (weight.double() * scale.double()).T
    return (out if bias is None else out + bias.double()).to(x.dtype)


def rms_norm(weight, x, eps):
    assert weight.dim() == 1 and x.dim() == 2
    wide = x.double()
    return (wide / (wide.pow(2).mean(-1, keepdim=True) + eps).sqrt() * weight.double()).to(x.dtype)


def sdp(query, key, value, mask, scale=None):
    assert mask is None and query.shape[2] == 1 and key.shape[2] > 1
    group = query.shape[1] // key.shape[1]
    k, v = (part.double().repeat_interleave(group, 1) for part in (key, value))
    scale = 1 / math.sqrt(query.shape[3]) if scale is None else scale
    return ((query.double() @ k.mT * scale).softmax(-1) @ v).to(query.dtype)


def rotary_half_with_cache_inplaced(query, key, cos, sin):
    assert cos.shape == sin.shape == (query.shape[0], query.shape[2], query.shape[3])
    assert cos.dtype == query.dtype
    for x in (query, key):
        first, second = x.double().chunk(2, -1)
        turned = torch.cat([-second, first], -1)
        x.copy_(x.double() * cos[:, None].double() + turned * sin[:, None].double())


COMMON = {
    "forward_new": forward_new,
    "batch_forward": batch_forward,
    "mlp_forward_xpu": mlp_forward_xpu,
    "rms_norm": rms_norm,
    "rotary_half_with_cache_inplaced": rotary_half_with_cache_inplaced,
    "sdp": sdp,
}
IMPLEMENTATIONS = {STABLE: COMMON, NIGHTLY: COMMON | {"run_linear_fp8": run_linear_fp8}}
calls: list[str] = []


def adapter(op, provider="ipex_llm"):
    REGISTRY.load_builtin()
    (found,) = (k for k in REGISTRY.kernels(op.name, provider) if k.devices == ("xpu",))
    return found


@pytest.fixture(params=WHEELS)
def wheel(request):
    return request.param


@pytest.fixture
def vendor(stand_in, wheel):
    """The wheel's operators, on a device of the given family."""

    def install(family="arc"):
        name = {"get_xpu_device_name": lambda device: family}
        stand_in(wheel, IMPLEMENTATIONS[wheel], **name)

    return install


def taken(kernel, cases):
    return [case for case in cases if kernel.refuses(case, CPU) is None]


@pytest.mark.parametrize(("wheel", "family"), [(STABLE, "arc"), (NIGHTLY, "bmg")])
def test_contract_linear(vendor, family):
    vendor(family)
    kernel, cases = adapter(LINEAR), []
    for form in FORMATS:
        for dtype, m, n, k in (
            ("fp16", 1, 48, 256), ("fp16", 1, 17, 192), ("fp16", 3, 64, 256),
            ("fp16", 65, 32, 128), ("fp32", 1, 32, 512), ("fp32", 2, 96, 256),
        ):  # fmt: skip
            cases += [LinearCase(dtype, m, n, k, form, bias) for bias in (False, True)]
    cases = [case for case in cases if case.k % format_facts(case.weight_format).k_multiple == 0]
    ran = taken(kernel, cases)
    assert {case.weight_format for case in ran} == set(FORMATS)
    assert len(ran) > 50
    functions = set()
    for case in ran:
        calls.clear()
        built = kernel.make(case, CPU)
        found = check(built, case)
        assert found.ok, (case.label(), found.reason)
        chosen = choose(family, case.weight_format, case.dtype, case.m, case.n, case.k)
        assert set(calls) == {chosen.function.partition(".")[2]}
        assert built.parameters["function"] == chosen.function
        functions.update(calls)
    assert functions == {"forward_new", "batch_forward"}


@pytest.mark.parametrize("op", [LINEAR_SILU_MUL, RMS_NORM, DECODE_ATTENTION, ROPE_APPEND])
def test_contract_over_the_grid_of_the_operator(vendor, op):
    vendor()
    kernel = adapter(op)
    cases = [case for case in taken(kernel, op.grid()) if getattr(case, "context", 0) < 5000]
    assert len(cases) >= 3
    for case in cases:
        found = check(kernel.make(case, CPU), case)
        assert found.ok, (case.label(), found.reason)


def test_contract_torch_fp8(stand_in):
    kernel = adapter(LINEAR, "ipex_llm_torch_fp8")
    stand_in(NIGHTLY, IMPLEMENTATIONS[NIGHTLY])
    cases = taken(kernel, LINEAR.grid())
    assert len(cases) >= 10
    for case in cases:
        found = check(kernel.make(case, CPU), case)
        assert found.ok, (case.label(), found.reason)


def test_the_stable_wheel_has_no_torch_fp8_and_the_adapter_says_so(stand_in):
    stand_in(STABLE, IMPLEMENTATIONS[STABLE])
    reason = adapter(LINEAR, "ipex_llm_torch_fp8").refuses(next(iter(LINEAR.grid())), CPU)
    assert reason == "the installed ipex_llm has no operator run_linear_fp8"


@pytest.mark.parametrize(
    "schema",
    [
        "rms_norm(Tensor input, Tensor weight, float eps) -> Tensor",
        "rms_norm(Tensor weight, Tensor input, float eps, int rows) -> Tensor",
        "rms_norm(Tensor weight, Tensor input, int eps) -> Tensor",
        "rms_norm(Tensor weight, Tensor input, float eps) -> ()",
        "rms_norm(Tensor weight, Tensor(a!) input, float eps) -> Tensor",
    ],
)
def test_an_operator_of_another_schema_is_not_called(stand_in, schema):
    stand_in(STABLE, {}, changed={"rms_norm": schema})
    reason = adapter(RMS_NORM).refuses(next(iter(RMS_NORM.grid())), CPU)
    assert reason.startswith("the installed rms_norm has a schema that is not known here")
    assert "\n" not in reason


@pytest.mark.parametrize("fault", ["gate and up exchanged", "scales first", "rows cut short"])
def test_a_wrong_adapter_fails_its_contract(stand_in, fault):
    stand_in(STABLE, COMMON, get_xpu_device_name=lambda device: "arc")
    kernel = adapter(LINEAR_SILU_MUL)

    class Planted(kernel):
        def pack(self, weight):
            gate, up = super().pack(weight)
            if fault == "gate and up exchanged":
                return up, gate
            if fault == "scales first":
                return torch.roll(gate, 2), up
            return gate[:-34], up

    case = taken(kernel, LINEAR_SILU_MUL.grid())[0]
    assert check(kernel.make(case, CPU), case).ok
    assert not check(Planted(case, CPU), case).ok


def test_without_the_package_every_adapter_says_so_in_one_line():
    for op in (LINEAR, LINEAR_SILU_MUL, RMS_NORM, DECODE_ATTENTION, ROPE_APPEND):
        reason = adapter(op).refuses(next(iter(op.grid())), CPU)
        assert "is not installed" in reason and "\n" not in reason
