"""torch's int4 product on XPU, which no CPU has: torch's schema, a stand-in, and what is passed.

What is decoded here is torch-xpu-ops' layout (nibble i of a word at bit 4 i). Never timed.
"""

import sys

import pytest
import torch

from tests.prepared import check
from truetpot.ops import LINEAR
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

CPU = choose_device("cpu")
SCHEMA = (
    "aten::_weight_int4pack_mm_with_scales_and_zeros("
    "Tensor self, Tensor mat2, int qGroupSize, Tensor qScale, Tensor qZeros) -> Tensor"
)


def test_the_schema_is_the_one_that_the_adapter_was_written_for():
    installed = torch.ops.aten._weight_int4pack_mm_with_scales_and_zeros.default._schema
    assert installed == torch._C.parse_schema(SCHEMA)


def to_words(plain, tiles):
    assert plain.dtype == torch.uint8 and tiles in (2, 4, 8)
    return plain.contiguous().view(torch.int32)


def product(x, codes, group, scales, zeros):
    n, k = codes.shape[0], x.shape[1]
    assert codes.dtype == torch.int32 and codes.shape[1] == k // 8
    assert scales.shape == zeros.shape == (k // group, n) and scales.is_contiguous()
    assert scales.dtype == x.dtype and zeros.dtype == torch.int8
    nibbles = torch.stack([codes >> 4 * i & 15 for i in range(8)], 2).reshape(n, k).t()
    spread = (part.double().repeat_interleave(group, 0) for part in (zeros, scales))
    zero, scale = spread
    return (x.double() @ ((nibbles - zero) * scale)).to(x.dtype)


@pytest.fixture
def on_xpu():
    """The adapter for XPU over stand-ins on the CPU."""
    fragment = torch.library.Library("aten", "IMPL")
    fragment.impl("_weight_int4pack_mm_with_scales_and_zeros", product, "CPU")
    fragment.impl("_convert_weight_to_int4pack", to_words, "CPU")
    REGISTRY.load_builtin()
    (kernel,) = REGISTRY.kernels("linear", "torch")
    module = sys.modules[kernel.__module__]

    class OnXpu(kernel):
        def __init__(self, case, device, **config):
            super().__init__(case, device, **config)
            self._product = module.int4_xpu

        def pack(self, weight):
            return self.pack_xpu(weight)

    yield OnXpu, module
    fragment._destroy()


def test_contract(on_xpu):
    kernel, module = on_xpu
    cases = [
        case
        for case in LINEAR.grid()
        if case.weight_format == "sym_int4" and module._int4_refuses(case, "xpu") is None
    ]
    assert len(cases) >= 10
    for case in cases:
        found = check(kernel(case, CPU), case)
        assert found.ok, (case.label(), found.reason)
