"""The step that Triton's kernels are fused into, by Triton's interpreter: the logits of torch's.

In a process of its own, one for all: Triton decides when it is imported whether it interprets.
"""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

STEPS = """
import json
import sys
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.decode.engine import DecodeStep
from truetpot.decode.preference import Preference
from truetpot.decode.selected import select_step
from truetpot.facts.workload import Workload
from truetpot.facts.models import load_model
from truetpot.ops.tolerance import relative_error
from truetpot.runtime.cpu import CpuDevice

found = []
for folder, weight_format, dtype, tokens in json.loads(sys.argv[1]):
    model = load_model(folder)
    shape = Workload(
        context=5, format=weight_format, kv_format=dtype, dtype=dtype, query_tokens=tokens
    )
    steps = [
        DecodeStep(
            select_step(model, shape, Preference([name], CpuDevice())),
            CheckpointWeights(folder, model, shape),
        )
        for name in ("triton", "torch")
    ]
    error = relative_error(*(step.feed([5, 17, 3, 9]) for step in steps))
    found.append([float(error), list(steps[0].providers)])
print(json.dumps(found))
"""
FUSED = {"attn_norm+qkv", "o+mlp_norm_add", "mlp_norm+gate_up+silu_mul", "down+attn_norm_add"}
UNFUSED = {"attn_norm", "gate_up+silu_mul"}
CASES = [
    ("qwen2", "sym_int4", "bf16", 1, 0.05, FUSED),
    ("qwen3", "fp32", "fp32", 1, 1e-4, UNFUSED),
    ("qwen3", "fp32", "fp32", 2, 1e-4, UNFUSED | {"rope_append+attention"}),
]


def steps(checkpoint, cases):
    """Each case's logits are within its limit, and the step has its roles."""
    asked = [[str(checkpoint(name).directory), *how] for name, *how in (c[:4] for c in cases)]
    done = subprocess.run(
        [sys.executable, "-c", STEPS, json.dumps(asked)],
        env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    for (error, roles), (*case, limit, expected) in zip(found, cases, strict=True):
        assert error < limit, case
        assert expected < set(roles), case


@pytest.mark.slow
def test_logits(checkpoint):
    steps(checkpoint, CASES)


@pytest.mark.exhaustive
def test_logits_of_int4_where_nothing_is_fused(checkpoint):
    steps(checkpoint, [("qwen2", "sym_int4", "fp32", 1, 1e-4, UNFUSED)])
