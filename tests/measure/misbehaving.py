"""A registered silu_mul that does what a test plants, and what runs it."""

from contextlib import contextmanager

import torch

from truetpot.measure.kernels import measure_kernels
from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.registry import REGISTRY, Kernel, register
from truetpot.runtime.choose import choose_device
from truetpot.stats import StopRule

CASE = SiluMulCase("fp32", 2, 64)
RULE = StopRule(noise=-1.0, seconds=0.02, min_samples=10, warmup_s=0.01)


def silu_mul(gate_up):
    gate, up = gate_up.chunk(2, dim=-1)
    return torch.nn.functional.silu(gate) * up


class Graphs(type(choose_device("cpu"))):
    """The CPU with graphs: what a call returned when it was captured, a replay writes again."""

    graphs, settle_s = True, 0.0

    def capture(self, calls):
        held = [(call, call()) for call in calls]

        def replay():
            for call, out in held:
                out.copy_(call())

        return replay


@contextmanager
def registered(devices=("cpu",), **members):
    """The provider ``planted`` has a silu_mul of these members, beside the built-in ones."""
    REGISTRY.load_builtin()
    REGISTRY.kernels("silu_mul")
    before = {key: list(found) for key, found in REGISTRY._kernels.items()}
    try:
        usual = {"__call__": lambda self, *, gate_up: silu_mul(gate_up)}
        kernel = type("Planted", (Kernel,), usual | members)
        yield register(SILU_MUL, provider="planted", devices=devices)(kernel)
    finally:
        REGISTRY._kernels.clear()
        REGISTRY._kernels.update(before)


def measured(call=None, device=None, op=SILU_MUL, case=CASE, **members):
    """The results of ``planted`` and of torch, raced together."""
    device = device or choose_device("cpu")
    if call is not None:
        members["__call__"] = lambda self, **inputs: call(**inputs)
    with registered(**members):
        results, finished = measure_kernels(op, case, ("planted", "torch"), device, None, RULE)
    assert finished
    return results
