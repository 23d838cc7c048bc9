"""Every device function of ``linear`` in Triton, also those that no CPU case gets by default.

By Triton's interpreter, in a process of its own: Triton decides when it is imported.
"""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

DEVICES = """
import sys
import numpy as np
import torch
import truetpot.kernels._lib.triton.linear.configs as linear_configs
import truetpot.kernels._lib.triton.linear.product as product
from truetpot.measure.check import prepare
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import LINEAR, LINEAR_SILU_MUL, CompositeCase, LinearCase, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

REGISTRY.load_builtin()
cpu = choose_device("cpu")

class Of:
    '''A device's kind and memory, its arrays on the CPU.'''
    def __init__(self, kind):
        self.kind, self.name, self.torch, self.upload = kind, kind, torch.device("cpu"), cpu.upload
    def identity(self):
        return {"local_memory_bytes": 232448, "units": 132}

linear_configs.choices = lambda *_: ({"EARLY": 0},)
"""
EVERY_FUNCTION = (
    DEVICES
    + """
import json
import random

all_kinds, rng, found = linear_configs.kinds, random.Random(5), {}
FORMATS = {"wide": ("bf16", "fp32"), "gemm": ("bf16", "fp16", "fp32"),
           "runs": ("fp8_e4m3", "fp8_e5m2", "sym_int8"), "gemm_scaled": ("fp8_e4m3", "sym_int8"),
           "gemm_byte": ("fp8_e5m2",), "groups_byte": ("fp8_e5m2", "fp8_e4m3", "sym_int8")}
for kind in linear_configs.DEFAULT:
    formats = FORMATS.get(kind, ("sym_int4", "woq_int4"))
    one = kind in ("wide", "runs", "int4", "int4_matrix")
    most = {"int4_few": 16}.get(kind, 64)
    product.kinds = linear_configs.kinds = lambda *_: (kind,)
    for turn in range(6):
        weight_format = formats[turn % len(formats)]
        dtype = weight_format if weight_format in ("bf16", "fp16", "fp32") else "fp16"
        m = 1 if one else rng.choice([m for m in (2, 5, 8, 9, 16, 33, 64) if m <= most])
        n = rng.choice((34, 130, 256))
        case = LinearCase(dtype, m, n, 64 * rng.randint(1, 9), weight_format)
        op = LINEAR
        if turn % 2:
            op, case = LINEAR_SILU_MUL, CompositeCase(
                dtype, (case, SiluMulCase(dtype, m, case.n // 2))
            )
        [kernel] = REGISTRY.kernels(op.name, "triton")
        part = getattr(case, "parts", (case,))[0]
        default, *others = linear_configs.configs(part, Of("cuda"))
        prepared = PreparedCase(op, case, cpu, turn)
        for config in (default, rng.choice(others)):
            outcome = prepared.check(kernel(case, cpu, **config))
            assert outcome.ok, (kind, case, config, outcome.reason)
            found[kind] = found.get(kind, 0) + 1
print(json.dumps(found))
"""
)
ONE_PACKING = (
    DEVICES
    + """
one = LinearCase("bf16", 1, 40, 320, "sym_int4")
weight = LINEAR.inputs(one, np.random.default_rng(0))["weight"]
packed = [
    product.Product(LinearCase("bf16", m, 40, 320, "sym_int4"), Of("cuda"), {}).pack(weight)
    for m in (1, 2, 8, 9, 16, 17, 64)
]
for words, scales in packed[1:]:
    assert torch.equal(words, packed[0][0]) and torch.equal(scales, packed[0][1])
print(len(packed))
"""
)

def run(source, interpreted):
    """What the source prints, as JSON."""
    variables = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", source],
        env=variables | ({"TRITON_INTERPRET": "1"} if interpreted else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.slow
def test_every_device_function_is_right_with_and_without_its_default():
    found = run(EVERY_FUNCTION, interpreted=True)
    assert len(found) == 11
    assert set(found.values()) == {12}, found


def test_one_packing_of_int4_serves_every_number_of_rows():
    assert run(ONE_PACKING, interpreted=False) == 7
