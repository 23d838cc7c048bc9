"""A kernel of one's own, outside of truetpot: `truetpot kernels --kernels examples/my_kernels`.

The folder is named after the operator, the file after the provider. Registering the class is all it
takes: from then on it is checked over every case of the operator, timed, and usable in the decode
step with `--provider mine`.
"""

import torch

from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register


@register(SILU_MUL, provider="mine", devices=("cpu", "cuda", "xpu"))
class MySiluMul(Kernel):
    """gate_up [m, 2 n] to out [m, n], rounded once where torch's own two operators round twice."""

    @classmethod
    def refuses(cls, case, device):
        """Say in one line what this kernel cannot do; None where it can."""
        return "written for up to 64 rows" if case.m > 64 else None

    def __call__(self, *, gate_up):
        """Inputs come by the names that the operator gives them, as tensors of the device."""
        gate, up = gate_up.float().chunk(2, dim=-1)
        return (gate * torch.sigmoid(gate) * up).to(gate_up.dtype)
