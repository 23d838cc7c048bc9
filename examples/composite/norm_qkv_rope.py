"""A fused operator of one's own: the norm, the qkv projection and the rotation as one kernel.

    truetpot kernels --kernels examples/composite --op norm_qkv_rope
    truetpot decode --kernels examples/composite --layers 4

A composite is declared by its parts. What it reads, its inputs and its reference follow from them,
and the decode step uses it in their place. This one calls torch's kernels of the parts, one after
the other: a beginning that is right, to be replaced by a kernel that is fast.
"""

from truetpot.ops import (
    LINEAR,
    RMS_NORM,
    ROPE_APPEND,
    Composite,
    LinearCase,
    RmsNormCase,
    RopeAppendCase,
)
from truetpot.ops.registry import REGISTRY, Kernel, register

PARTS = RMS_NORM, LINEAR, ROPE_APPEND


def grid():
    """What tests check: cases of the parts that fit together, 4 + 2 x 2 heads of 64 here."""
    for dtype in ("bf16", "fp32"):
        yield (
            RmsNormCase(dtype, 2, 128, residual=True),
            LinearCase(dtype, 2, 512, 128, dtype, bias=True),
            RopeAppendCase(dtype, 2, 4, 2, 64, 77, dtype),
        )


# x of the linear is what the norm returns, qkv of the rotation what the linear does
NORM_QKV_ROPE = Composite("norm_qkv_rope", PARTS, wires=("x", "qkv"), grid=grid)


@register(NORM_QKV_ROPE, provider="fused", devices=("cpu", "cuda", "xpu"))
class NormQkvRope(Kernel):
    """q [batch, heads, head_dim]; k and v go into the cache, x into the residual."""

    def __init__(self, case, device, **config):
        super().__init__(case, device, **config)
        self.norm, self.linear, self.rope = (
            REGISTRY.build(op.name, "torch", part, device)
            for op, part in zip(PARTS, case.parts, strict=True)
        )

    @classmethod
    def refuses(cls, case, device):
        """Where torch has none of one of the parts, the step does without this kernel."""
        for op, part in zip(PARTS, case.parts, strict=True):
            found = REGISTRY.choose(op.name, part, device, "torch")
            if found.kernel is None:
                return found.reason
        return None

    def pack(self, weight):
        """The linear's weight; the same layout serves every number of rows."""
        return self.linear.pack(weight)

    def __call__(self, *, x, gamma, residual, weight, bias, **rope):
        """The inputs of all parts but those that are wired; `rope` is the rotation's."""
        normed = self.norm(x=x, gamma=gamma, residual=residual)
        qkv = self.linear(x=normed, weight=weight, bias=bias)
        return self.rope(qkv=qkv, **rope)
