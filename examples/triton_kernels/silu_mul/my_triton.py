"""A kernel in Triton, for cards; its interpreter runs it on the CPU, for tests and not for timing.

    truetpot kernels --kernels examples/triton_kernels --op silu_mul
    TRITON_INTERPRET=1 truetpot kernels --kernels examples/triton_kernels --op silu_mul --device cpu
"""

import torch
import triton
import triton.language as tl

from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

CARDS = ("cuda", "xpu")
DEVICES = (*CARDS, "cpu") if triton.knobs.runtime.interpret else CARDS


@triton.jit
def activate(gate_up, out, n, BLOCK: tl.constexpr):
    """A program has BLOCK columns of one row; it computes in float32 and rounds once."""
    row = tl.program_id(1).to(tl.int64)
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = column < n
    here = gate_up + row * 2 * n + column
    gate = tl.load(here, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(here + n, mask=inside, other=0.0).to(tl.float32)
    y = gate / (1 + tl.exp(-gate)) * up
    tl.store(out + row * n + column, y.to(out.dtype.element_ty), mask=inside)


@register(SILU_MUL, provider="my_triton", devices=DEVICES)
class MySiluMul(Kernel):
    """gate_up [m, 2 n], gate first, to out [m, n]."""

    @classmethod
    def configs(cls, case, device):
        """Triton's own options, such as num_warps, are launch parameters too."""
        for block, warps in ((1024, 4), (512, 4), (2048, 8)):
            yield {"BLOCK": block, "num_warps": warps}

    def __call__(self, *, gate_up):
        """One launch; fresh memory, which a captured step keeps."""
        case, config = self.case, {"BLOCK": 1024, **self.config}
        out = torch.empty((case.m, case.n), dtype=gate_up.dtype, device=gate_up.device)
        activate[(-(-case.n // config["BLOCK"]), case.m)](gate_up, out, case.n, **config)
        return out
