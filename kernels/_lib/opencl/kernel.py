"""What the OpenCL kernels share: sources, shared headers, and the class they derive from.

A kernel says in ``builds`` which compilations a case needs on a target; ``self.functions`` are
their entry points. ``truetpot isa`` asks the same question, without a device.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.registry import Kernel
from truetpot.records.launch import LaunchRow
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build, expand
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.program import Function
from truetpot.runtime.opencl.target import Target

FOLDER = Path(__file__).parents[2]
INCLUDE = Path(__file__).parent / "include"
DTYPES = ("fp16", "fp32")
"""Of activations: Arc's half is native, and its bf16 is not."""


def source_text(build: Build) -> str:
    """A build's source with its includes, as a driver or ocloc takes it."""
    return expand(FOLDER / build.source, [INCLUDE])


class OpenClKernel(Kernel):
    """A kernel of one or more compilations."""

    device: OpenClDevice
    half: ClassVar[bool] = True
    """Whether the source computes in half, rather than only loading and storing it."""

    @classmethod
    def builds(cls, case: Any, target: Target, **config: Any) -> tuple[Build, ...]:
        """Every compilation that this case needs on a target; pure, so that isa can ask too."""
        raise NotImplementedError

    @classmethod
    def refuses(cls, case: Any, device: Device) -> str | None:
        """What every OpenCL kernel needs; one that needs more asks this first."""
        assert isinstance(device, OpenClDevice)
        if case.dtype not in DTYPES:
            return f"activations are fp16 or fp32 on OpenCL, not {case.dtype}"
        target = device.target
        if cls.half and not target.half:
            return f"{device.name} has no cl_khr_fp16"
        config = dict(next(iter(cls.configs(case, device)), {}))
        for build in cls.builds(case, target, **config):
            if build.subgroup and build.subgroup not in target.subgroups:
                return f"{device.name} has no sub-groups of {build.subgroup} to ask for"
        return None

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Entry points of the builds, in order; compiled at the first use."""
        builds = self.builds(self.case, self.device.target, **self.config)
        return tuple(self.device.function(build, source_text(build)) for build in builds)

    def compile(self) -> bool:
        """The builds, whose binaries are kept."""
        return bool(self.functions)

    def launches(self) -> tuple[LaunchRow, ...]:
        """Entry points with the sizes of their last launch; the binary where it was kept."""
        return tuple(one.last_launch() for one in self.functions)

    def empty(self, *shape: int, dtype: Any = None) -> OpenClArray:
        """New memory, by default of the activations' dtype."""
        kind = NUMPY_DTYPE[self.case.dtype] if dtype is None else np.dtype(dtype)
        return self.device.empty(shape, kind)
