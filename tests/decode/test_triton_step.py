"""The step that Triton's kernels are fused into, by Triton's interpreter: the logits of torch's.

In a process of its own: Triton decides when it is imported whether it interprets.
"""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

STEP = """
import sys
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.decode.engine import DecodeStep
from truetpot.decode.program import StepShape
from truetpot.facts.models import load_model
from truetpot.ops.tolerance import relative_error
from truetpot.runtime.cpu import CpuDevice

model = load_model(sys.argv[1])
weight_format, dtype = sys.argv[2:]
shape = StepShape(1, 5, 1, dtype, weight_format, dtype)
steps = [
    DecodeStep(model, shape, CpuDevice(), name, CheckpointWeights(sys.argv[1], model, shape))
    for name in ("triton", ("numba", "torch"))
]
print(relative_error(*(step.feed([5, 17, 3]) for step in steps)), *steps[0].providers)
"""


FUSED = {"attn_norm+qkv", "o+mlp_norm_add", "mlp_norm+gate_up+silu_mul", "down+attn_norm_add"}


@pytest.mark.parametrize(
    ("name", "weight_format", "dtype", "limit", "expected"),
    [
        ("qwen2", "sym_int4", "bf16", 0.05, FUSED),
        ("qwen2", "sym_int4", "fp32", 1e-4, {"attn_norm", "gate_up+silu_mul"}),
        ("qwen3", "fp32", "fp32", 1e-4, {"attn_norm", "gate_up+silu_mul"}),
    ],
)
def test_logits(checkpoint, name, weight_format, dtype, limit, expected):
    done = subprocess.run(
        [sys.executable, "-c", STEP, str(checkpoint(name).directory), weight_format, dtype],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    error, *roles = done.stdout.split()
    assert float(error) < limit
    assert expected < set(roles)
