"""``memory_read``: read a buffer once. Its best kernel is the device's measured ceiling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.inputs import Category, Input, Inputs, Sized
from truetpot.ops.operator import Case, Operator, Outputs

GRANULE = 1024
"""A buffer is a whole number of these bytes, so that no kernel of the family needs a tail."""


@dataclass(frozen=True)
class MemoryReadCase(Case):
    """buffer int32 [size / 4]; out int64 [1], the sum of its elements modulo 2**32.

    The sum is the proof that every byte was read: it costs less than the reading on any device.
    """

    size: int

    @property
    def words(self) -> int:
        """Elements of the buffer, four bytes each."""
        return self.size // 4


def _words(buffer: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
    """Random words: some memory controllers compress constants."""
    return np.frombuffer(rng.bytes(buffer.nbytes), dtype=np.int32)


class _MemoryRead(Operator):
    name = "memory_read"
    takes = (Input("buffer", ("words",), "int32", _words, Category.CACHE),)

    def writes(self, case: MemoryReadCase) -> Mapping[str, int]:
        """One sum, not counted: the case is about reading."""
        return {"out": 0}

    def flops(self, case: MemoryReadCase) -> int:
        """Integer additions are not counted."""
        return 0

    def reference(self, case: MemoryReadCase, inputs: Inputs) -> Outputs:
        """The sum modulo 2**32, as an unsigned number."""
        total = int(np.asarray(inputs["buffer"]).sum(dtype=np.int64))
        return {"out": np.array([total % 2**32], dtype=np.int64)}

    def tolerance(self, case: MemoryReadCase) -> float:
        """0, as the sum is exact."""
        return 0.0

    def error(self, case: MemoryReadCase, inputs: Inputs, got: Outputs, want: Outputs) -> float:
        """Exact, whatever width the kernel summed in."""
        return super().error(case, inputs, {"out": got["out"].astype(np.int64) % 2**32}, want)

    def grid(self) -> Iterable[MemoryReadCase]:
        """One granule, an odd number of them, and enough for several threads."""
        for granules in (1, 3, 67, 4099):
            yield MemoryReadCase("fp32", granules * GRANULE)


MEMORY_READ = _MemoryRead()
