"""How a kernel is launched: its own call, on a device that keeps launches and runs nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.errors import KernelError, UserError
from truetpot.formats import Weight
from truetpot.isa.hollow import hollow_inputs
from truetpot.ops import Case, Operator
from truetpot.ops.guard import guarded, named, who
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target

SMALL_BYTES = 64 << 10
"""Arrays up to this size keep their values, so that what reads a length from one is followed."""
INDICES = (np.dtype(np.int32), np.dtype(np.int64))
"""Types of lengths, positions and tables of pages: these keep their values at any size."""


class Offline(OpenClDevice):
    """A card that is compiled for and not there: as much of one as kernels choose by."""

    graphs = False

    def __init__(self, target: Target) -> None:
        self.name, self.target = target.name, target
        self.is_cpu = False


@dataclass(frozen=True)
class Launch:
    """One launch of an entry point: its geometry, and what its arguments are."""

    build: Build
    groups: tuple[int, int, int]
    """Work-groups in x, y and z."""
    local: tuple[int, int, int]
    """Work-items of one."""
    args: tuple[Any, ...]
    """Arrays as :class:`Hollow`, scalars as they are, None."""

    @property
    def items(self) -> int:
        """Number of work-items in a work-group."""
        return math.prod(self.local)

    @property
    def work_groups(self) -> int:
        """Number of work-groups in the whole launch."""
        return math.prod(self.groups)


@dataclass(frozen=True, eq=False)
class Hollow:
    """An array argument: its size from the pointer on, and its values where they are few."""

    nbytes: int
    values: np.ndarray | None


class _Block:
    """Memory that is not there."""

    def __init__(self, nbytes: int, values: np.ndarray | None = None) -> None:
        self.size, self.handle, self.values = nbytes, None, values


class _Recorder(Offline):
    """Keeps every launch."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.launches: list[Launch] = []

    def empty(self, shape: tuple[int, ...], dtype: Any) -> OpenClArray:
        dtype = np.dtype(dtype)
        block: Any = _Block(math.prod(shape) * dtype.itemsize)
        return OpenClArray(self, block, tuple(shape), dtype)

    def upload(self, array: np.ndarray) -> OpenClArray:
        copy = self.empty(array.shape, array.dtype)
        if array.nbytes <= SMALL_BYTES or array.dtype in INDICES:
            flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            copy.block.values = flat  # type: ignore[attr-defined]
        return copy

    def download(self, array: Any) -> np.ndarray:
        return np.zeros(array.shape, array.dtype)

    def write(self, array: Any, values: np.ndarray) -> None:
        """Nothing is there to be changed."""

    def synchronize(self) -> None:
        """Do nothing: no work is ever under way here."""

    def function(self, build: Build, text: str) -> Any:
        def submit(
            global_size: tuple[int, ...], local_size: tuple[int, ...] | None, *args: Any
        ) -> None:
            whole = _three(global_size)
            # where the driver chooses, a group is taken to be as wide as a sub-group can be
            local = (min(whole[0], 32), 1, 1) if local_size is None else _three(local_size)
            groups = tuple(-(-n // each) for n, each in zip(whole, local, strict=True))
            given = tuple(_argument(arg) for arg in args)
            self.launches.append(Launch(build, groups, local, given))  # type: ignore[arg-type]

        submit.name = build.function  # type: ignore[attr-defined]
        return submit


def _three(size: tuple[int, ...]) -> tuple[int, int, int]:
    x, y, z = (*map(int, size), 1, 1)[:3]
    return x, y, z


def _argument(arg: Any) -> Any:
    if not isinstance(arg, OpenClArray):
        return arg
    values = arg.block.values  # type: ignore[attr-defined]
    return Hollow(arg.nbytes, None if values is None else values[arg.offset :])


def record_launches(
    kernel: Any, op: Operator, case: Case, target: Target, config: dict[str, Any]
) -> tuple[Launch, ...] | str:
    """Every launch of a call of the kernel on the case, in order; or why there is none to see."""
    device = _Recorder(target)
    try:
        with guarded(named(kernel, case), who(kernel, case)):
            one = kernel(case, device, **config)
            inputs = {
                name: _on_device(one, device, value)
                for name, value in hollow_inputs(op, case).items()
            }
            device.launches.clear()
            one(**inputs)
    except (KernelError, UserError, MemoryError) as error:
        return str(error) or type(error).__name__
    return tuple(device.launches)


def _on_device(kernel: Any, device: _Recorder, value: Any) -> Any:
    if isinstance(value, Weight):
        return kernel.pack(value)
    return device.upload(value) if isinstance(value, np.ndarray) else value
