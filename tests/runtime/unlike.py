"""Kernels that ranks have not alike, for what they have to agree on: loaded by each of them.

Rank 1 refuses `silu_mul`, rank 0 alone has `rms_norm`, and the read kernel has other configurations
on each. numba's read kernels are left out: they are compiled for long.
"""

import os
from pathlib import Path

import torch

from truetpot.ops import MEMORY_READ, RMS_NORM, SILU_MUL
from truetpot.ops.registry import REGISTRY, Kernel, register

ROOT = Path(__file__).parents[2]
FOUND = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.getenv("PYTHONPATH")]))}
"""For the environment of a rank, which is to find this file wherever it is started."""
WALKS = ((3, 2, 1), (1, 4), (2, 1), (1,))
"""Of the read kernel by rank; all have 1 alone."""


def plant(rank):
    """Register the provider ``unlike`` as this rank has it."""
    REGISTRY.load_builtin()
    for kernel in REGISTRY.kernels("memory_read", "numba"):
        kernel.refuses = classmethod(lambda cls, case, device: "it is compiled for long")

    @register(MEMORY_READ, provider="unlike", devices=("cpu",))
    class Read(Kernel):
        @classmethod
        def configs(cls, case, device):
            return tuple({"walk": walk} for walk in WALKS[rank])

        def __call__(self, *, buffer):
            return buffer.sum(dtype=torch.int64).reshape(1) & 0xFFFFFFFF

    @register(SILU_MUL, provider="unlike", devices=("cpu",))
    class Silu(Kernel):
        @classmethod
        def refuses(cls, case, device):
            return "not on this card" if rank == 1 else None

        def __call__(self, *, gate_up):
            raise AssertionError("not every rank has it")

    if rank == 0:

        @register(RMS_NORM, provider="unlike", devices=("cpu",))
        class Norm(Kernel):
            def __call__(self, **given):
                raise AssertionError("not every rank has it")
