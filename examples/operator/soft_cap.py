"""An operator of one's own with a kernel by torch and one by numba, and a layer that calls it.

Gemma 2 caps what attention and lm_head give: out = cap tanh(x / cap). Here a layer of Llama's kind
caps what its MLP adds. A family that names this layer is decoded with it.
"""

from dataclasses import dataclass

import numpy as np
import torch

from truetpot.decode.program import LAYERS, pre_norm
from truetpot.jit import njit
from truetpot.ops.arrays import ITEMSIZE, exact
from truetpot.ops.inputs import Input, Normal
from truetpot.ops.operator import Case, Operator
from truetpot.ops.registry import Kernel, register
from truetpot.ops.tolerance import tolerance


@dataclass(frozen=True)
class SoftCapCase(Case):
    """x and out [m, n]."""

    m: int
    n: int
    cap: float = 2.0


class _SoftCap(Operator):
    name = "soft_cap"
    takes = (Input("x", ("m", "n"), draw=Normal(std=3.0)),)  # so wide that the cap shows

    def writes(self, case):
        """As many elements as there are in x."""
        return {"out": case.m * case.n * ITEMSIZE[case.dtype]}

    def flops(self, case):
        """Division, tanh and product of an element."""
        return 3 * case.m * case.n

    def reference(self, case, inputs):
        """cap tanh(x / cap) in float64."""
        return {"out": case.cap * np.tanh(exact(inputs["x"]) / case.cap)}

    def tolerance(self, case):
        """That of an elementwise operator."""
        return tolerance(1, case.dtype)

    def grid(self):
        """One element, odd widths, several rows."""
        for dtype in ("bf16", "fp16", "fp32"):
            for m, n in ((1, 1), (1, 27), (3, 64), (16, 129), (1, 5120)):
                yield SoftCapCase(dtype, m, n)


SOFT_CAP = _SoftCap()


@register(SOFT_CAP, provider="torch", devices=("torch",))
class TorchSoftCap(Kernel):
    """By torch, in float32."""

    def __call__(self, *, x):
        """out [m, n] in x's dtype."""
        return (self.case.cap * torch.tanh(x.float() / self.case.cap)).to(x.dtype)


@register(SOFT_CAP, provider="numba", devices=("cpu",))
class NumbaSoftCap(Kernel):
    """By numba, for float32: it has no half precision of its own."""

    @classmethod
    def refuses(cls, case, device):
        """Half precision needs the loads of kernels/_lib."""
        return None if case.dtype == "fp32" else "it takes fp32 alone"

    def __call__(self, *, x):
        """out [m, n] in memory of its own."""
        out = torch.empty_like(x)
        _soft_cap(x.numpy().reshape(-1), out.numpy().reshape(-1), np.float32(self.case.cap))
        return out


@njit(cache=True)
def _soft_cap(x, out, cap):
    for i in range(x.size):
        out[i] = cap * np.tanh(x[i] / cap)


def capped(b, layer, x, residual):
    """Llama's layer, the MLP's sum capped."""
    x, stream = pre_norm(b, layer, x, residual)
    case = SoftCapCase(b.shape.dtype, b.shape.rows, b.model.hidden)
    return b.add(SOFT_CAP, case, "soft_cap", layer, "soft_cap", {"x": x}), stream


LAYERS["capped"] = capped
