"""A weight format of one's own and its kernel: `truetpot decode --kernels examples/weight_format \\
--format int6 --provider int6,numba,torch --layers 4`.

Blocks of 32 along K with an fp16 scale d each, 6.5 bits a weight: w' = (code - 32) d, and three
bytes hold four codes. The codec is the reference: the kernel is checked against what it dequantises
to.
"""

import numpy as np
import torch
from torch.nn import functional

from truetpot.facts.formats import FormatFacts
from truetpot.formats import declare
from truetpot.ops import LINEAR
from truetpot.ops.registry import Kernel, register

BLOCK, ZERO = 32, 32
RMS = float(np.sqrt(np.mean((np.arange(64.0) - ZERO) ** 2)))


class Int6:
    """Codes are uint8 [n, k 3/4], scales float16 [n, k/32]."""

    def quantise(self, w, rounding):
        """Each weight to the nearest value of its block, whose largest magnitude is 31 d."""
        blocks = w.reshape(len(w), -1, BLOCK)
        d = (np.abs(blocks).max(axis=2, keepdims=True) / 31).astype(np.float16)
        steps = np.divide(blocks, d, out=np.zeros_like(blocks), where=d != 0)
        codes = (np.clip(np.rint(steps), -32, 31) + ZERO).astype(np.uint32).reshape(len(w), -1, 4)
        words = codes[..., 0] | codes[..., 1] << 6 | codes[..., 2] << 12 | codes[..., 3] << 18
        packed = np.stack([words >> shift & 255 for shift in (0, 8, 16)], axis=2)
        return packed.astype(np.uint8).reshape(len(w), -1), d[..., 0]

    def dequantise(self, codes, scales):
        """(code - 32) d in float64."""
        three = codes.reshape(len(codes), -1, 3).astype(np.uint32)
        words = three[..., 0] | three[..., 1] << 8 | three[..., 2] << 16
        values = np.stack([words >> shift & 63 for shift in (0, 6, 12, 18)], axis=2) - float(ZERO)
        blocks = values.reshape(*scales.shape, BLOCK) * scales.astype(np.float64)[..., None]
        return blocks.reshape(len(codes), -1)

    def random(self, shape, rng, std):
        """Uniform codes, and scales of either sign, as the codes' own mean is not 0."""
        n, k = shape
        codes = rng.integers(0, 256, (n, k * 3 // 4), dtype=np.uint8)
        d = rng.uniform(0.5, 1.5, (n, k // BLOCK)) * rng.choice((-1, 1), (n, k // BLOCK))
        return codes, (d * std / RMS / (13 / 12) ** 0.5).astype(np.float16)


FACTS = FormatFacts(
    name="int6", code_bits=6, block=BLOCK, scale_bytes=2, source="examples/weight_format/int6.py"
)
declare(FACTS, Int6())


@register(LINEAR, provider="int6", devices=("torch",))
class Int6Linear(Kernel):
    """The weight dequantised in every call, then torch's own product."""

    @classmethod
    def refuses(cls, case, device):
        """It has no other format."""
        return None if case.weight_format == "int6" else "it takes int6 alone"

    def pack(self, weight):
        """The canonical arrays as they are, on the device."""
        return self.device.upload(weight.codes), self.device.upload(weight.scales)

    def __call__(self, *, x, weight, bias):
        """x W^T + b, all in the activations' dtype but the dequantising."""
        codes, scales = weight
        words = codes.view(len(codes), -1, 3).int()
        words = words[..., 0] | words[..., 1] << 8 | words[..., 2] << 16
        values = torch.stack([words >> shift & 63 for shift in (0, 6, 12, 18)], dim=2) - ZERO
        wide = values.view(*scales.shape, BLOCK) * scales.float()[..., None]
        return functional.linear(x, wide.view(len(codes), -1).to(x.dtype), bias)
