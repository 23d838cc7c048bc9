"""A kernel in OpenCL C with a weight layout of its own: an int4 product, a work-item a row of W.

    truetpot kernels --kernels examples/opencl_kernels --op linear --device opencl:cpu
    truetpot isa --kernels examples/opencl_kernels --op linear --kernel colwise --target acm-g10

The second compiles it for a card that need not be there, and counts what it would execute.
"""

from pathlib import Path

import numpy as np
from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import LINEAR
from truetpot.ops.registry import register
from truetpot.runtime.opencl.build import Build

SOURCE = str(Path(__file__).with_name("colwise.cl"))
SUBGROUP = 16
DEFAULT = {"split": 8, "ahead": 4}


@register(LINEAR, provider="colwise", devices=("opencl",))
class ColWise(OpenClKernel):
    """x [1, k], sym_int4 W in tiles of 16 rows, out [1, n] in fp16."""

    @classmethod
    def builds(cls, case, target, **config):
        """The compilations that a case needs: device, tests and `truetpot isa` ask the same."""
        config = DEFAULT | config
        macros = {"SPLIT": config["split"], "AHEAD": config["ahead"]}
        return (Build(SOURCE, "colwise", macros, "sym_int4 m=1", SUBGROUP),)

    @classmethod
    def refuses(cls, case, device):
        """What OpenCL kernels refuse anyway, such as a device without half, comes after."""
        if (case.weight_format, case.m, case.dtype) != ("sym_int4", 1, "fp16") or case.n % SUBGROUP:
            return f"one row in fp16, sym_int4 weights, n a multiple of {SUBGROUP}"
        return super().refuses(case, device)

    @classmethod
    def configs(cls, case, device):
        """split: sub-groups that share the rows and split K; ahead: loads in flight of each."""
        for split in (8, 4, 16, 2, 1):
            for ahead in (4, 1, 2):
                if {"split": split, "ahead": ahead} == DEFAULT or split * ahead * 32 <= case.k:
                    yield {"split": split, "ahead": ahead}

    def pack(self, weight):
        """Words of 8 weights so that the 16 items of a sub-group load 256 bytes that adjoin.

        A block of 64 weights is 32 bytes in sym_int4: two loads of 16 an item. Words [n/16, k/32,
        16, 4], scales [n/16, k/64, 16].
        """
        n, k = weight.shape
        words = weight.codes.view(np.uint32).reshape(n // SUBGROUP, SUBGROUP, k // 32, 4)
        scales = weight.scales.reshape(n // SUBGROUP, SUBGROUP, k // 64)
        return tuple(
            self.device.upload(np.ascontiguousarray(array.swapaxes(1, 2)))
            for array in (words, scales)
        )

    def __call__(self, *, x, weight, bias):
        """One launch: a work-group for 16 rows. A bias that is None is a null pointer."""
        case, split = self.case, (DEFAULT | self.config)["split"]
        out = self.empty(1, case.n)
        (run,) = self.functions
        items = SUBGROUP * split
        sizes = (items, case.n // SUBGROUP), (items, 1)
        run(*sizes, x, *weight, bias, out, case.n, case.k)
        return out
