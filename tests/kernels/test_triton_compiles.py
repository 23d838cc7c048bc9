"""Every Triton kernel compiles to machine code, without a GPU: what the interpreter does not see.

Triton's own compiler and assembler run here for Hopper; no driver is needed for that. The launch is
left out, so this says nothing about results.
"""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

COMPILE = """
import sys
import numpy as np
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

class NoGpu:
    get_current_device = staticmethod(lambda: 0)
    get_current_stream = staticmethod(lambda device: 0)
    get_current_target = staticmethod(lambda: GPUTarget("cuda", 90, 32))

driver.set_active(NoGpu())
JITFunction.__getitem__ = lambda kernel, grid: (
    lambda *args, **options: kernel.run(*args, grid=grid, warmup=True, **options)
)

from truetpot.measure.check import prepare
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

REGISTRY.load_builtin()
device, op = choose_device("cpu"), sys.argv[1]
[kernel_type] = REGISTRY.kernels(op, "triton")
kinds = {}
for case in kernel_type.op.grid():
    if case.dtype == "bf16" and kernel_type.refuses(case, device) is None:
        few = getattr(case, "parts", (case,))[0]
        kinds[case.format, getattr(few, "m", 1) > 1, getattr(few, "page", None)] = case
for case in kinds.values():
    kernel = kernel_type(case, device)
    kernel(**prepare(kernel, case_inputs := kernel.op.inputs(case, np.random.default_rng(0))))
print(len(kinds))
"""

OPS = (
    "linear", "linear_silu_mul", "decode_attention", "rms_norm", "rope_append", "silu_mul",
    "embedding", "argmax",
)


@pytest.mark.parametrize("op", OPS)
def test_compiles(op, tmp_path):
    variables = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, op],
        env=variables | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 0
