"""The compiler for Arc makes what a configuration's options ask for."""

import pytest
from truetpot.kernels._lib.opencl.kernel import source_text

from truetpot.isa.jobs import Offline
from truetpot.isa.zeinfo import read_info
from truetpot.ops import DECODE_ATTENTION, LINEAR, DecodeAttentionCase, LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl.build import options
from truetpot.runtime.opencl.target import known_targets

pytestmark = pytest.mark.isa

CASES = {
    "gemv": (LINEAR, LinearCase("fp32", 1, 256, 512, "sym_int4")),
    "gemm": (LINEAR, LinearCase("fp16", 4, 256, 512, "sym_int4")),
    "attend": (DECODE_ATTENTION, DecodeAttentionCase("fp16", 1, 40, 8, 128, 300, "fp16")),
}


def listing(ocloc, name, **changed):
    op, case = CASES[name]
    REGISTRY.load_builtin()
    (kernel,) = REGISTRY.kernels(op.name, "opencl")
    device = Offline(known_targets()["acm-g10"])
    config = next(iter(kernel.configs(case, device))) | changed
    build = kernel.builds(case, device.target, **config)[0]
    return ocloc.compile(source_text(build), build.function, options(build), "acm-g10")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("grf", [128, 256])
def test_a_thread_has_the_registers_that_were_asked_for(ocloc, name, grf):
    found = listing(ocloc, name, grf=grf)
    assert read_info(found.info, name).grf == grf


def test_fast_math_is_another_code(ocloc):
    assert listing(ocloc, "gemv").assembly != listing(ocloc, "gemv", fast_math=1).assembly
