"""Arrays of an OpenCL device: a shape and a dtype over a block of its memory."""

from __future__ import annotations

import math

import numpy as np

from truetpot.runtime.device import Device
from truetpot.runtime.opencl.memory import Block


class OpenClArray:
    """Contiguous, row-major. A kernel gets it as a pointer to its first element.

    bf16 and fp8 are ml_dtypes' dtypes here and ``ushort`` and ``uchar`` in OpenCL C.
    """

    __slots__ = ("block", "device", "dtype", "offset", "shape")

    def __init__(
        self,
        device: Device,
        block: Block,
        shape: tuple[int, ...],
        dtype: np.dtype,
        offset: int = 0,
    ) -> None:
        self.device, self.block, self.shape = device, block, shape
        self.dtype, self.offset = dtype, offset

    @property
    def size(self) -> int:
        """Number of elements, of all dimensions."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Of the elements, not of the block."""
        return self.size * self.dtype.itemsize

    def reshape(self, *shape: int) -> OpenClArray:
        """The same memory in another shape; one length may be -1."""
        known = math.prod(n for n in shape if n != -1)
        if -1 in shape and known:
            shape = tuple(self.size // known if n == -1 else n for n in shape)
        if math.prod(shape) != self.size:
            raise ValueError(f"an array of shape {self.shape} cannot become {shape}")
        return OpenClArray(self.device, self.block, shape, self.dtype, self.offset)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: int | slice) -> OpenClArray:
        """A view: one entry of the first axis, or a range of them."""
        if not self.shape:
            raise IndexError("an array without axes has no entries")
        row = self.nbytes // self.shape[0] if self.shape[0] else 0
        if isinstance(which, slice):
            start, stop, step = which.indices(self.shape[0])
            if step != 1:
                raise IndexError("a view is contiguous: no steps")
            shape = (max(0, stop - start), *self.shape[1:])
        else:
            start = which + self.shape[0] if which < 0 else which
            if not 0 <= start < self.shape[0]:
                raise IndexError(f"{which} is outside of an axis of {self.shape[0]}")
            shape = self.shape[1:]
        return OpenClArray(self.device, self.block, shape, self.dtype, self.offset + start * row)

    def __repr__(self) -> str:
        return f"OpenClArray({list(self.shape)}, {self.dtype}, {self.device.name})"
