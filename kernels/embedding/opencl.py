"""``embedding`` in OpenCL C: a work-item copies four elements."""

from __future__ import annotations

from typing import Any

from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import EMBEDDING, EmbeddingCase
from truetpot.ops.arrays import ITEMSIZE
from truetpot.ops.registry import register
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target


@register(EMBEDDING, provider="opencl", devices=("opencl",))
class OpenClEmbedding(OpenClKernel):
    """ids int64 [m], table [vocab, hidden]; out [m, hidden]."""

    half = False

    @classmethod
    def builds(cls, case: EmbeddingCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """One kernel, which knows only how large an element is."""
        bits = {2: "ushort", 4: "uint"}[ITEMSIZE[case.dtype]]
        return (Build("embedding/copy.cl", "copy", {"BITS": bits}, case.dtype),)

    def __call__(self, *, ids: OpenClArray, table: OpenClArray) -> OpenClArray:
        """One launch."""
        m, hidden = self.case.m, self.case.hidden
        out = self.empty(m, hidden)
        self.functions[0]((-(-hidden // 4), m), None, ids, table, out, hidden)
        return out
