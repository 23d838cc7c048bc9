"""The shape of a matrix product from the dimensions that an operator was called with."""

from __future__ import annotations

import re
from typing import Any

from truetpot.stack.trace.model import Gemm
from truetpot.stack.trace.values import text, whole

_PRODUCT = re.compile(r"(^|[^a-z])(add)?(mm|bmm|linear|matmul|gemm)|gemm|matmul", re.IGNORECASE)


def gemm_of(name: str, args: dict[str, Any]) -> Gemm | None:
    """Of ``aten::mm``, ``addmm``, ``linear`` and of operators of extensions that end alike.

    The input is the first tensor whose last dimension a later matrix of two dimensions has; that
    matrix is [k, n], or [n, k] as ``linear`` has it. None without ``record_shapes``, and for
    packed weights, whose dimensions are not those of the product.
    """
    if not _PRODUCT.search(name.rpartition("::")[2]):
        return None
    tensors = [one for one in map(_dimensions, _listed(args.get("Input Dims"))) if len(one) >= 2]
    for i, x in enumerate(tensors):
        for weight in tensors[i + 1 :]:
            if len(weight) == 2 and x[-1] in weight:
                rows = 1
                for size in x[:-1]:
                    rows *= size
                transposed = "linear" in name or weight[0] != x[-1]
                return Gemm(rows, weight[0] if transposed else weight[1], x[-1])
    return None


def _listed(value: Any) -> list[Any]:
    return value[:64] if isinstance(value, list) else []


def _dimensions(value: Any) -> tuple[int, ...]:
    found = tuple(whole(one, 0) for one in _listed(value))
    return found if all(0 < one < 1 << 31 for one in found) else ()


def gemm_of_text(shape: str) -> Gemm | None:
    """Of oneDNN's ``1x5120:5120x27648:1x27648``; dimensions before the last two are batches."""
    parts = [text(part).split("x") for part in shape.split(":")]
    try:
        sizes = [[int(one) for one in part] for part in parts[:2]]
    except ValueError:
        return None
    if len(sizes) < 2 or min(map(len, sizes)) < 2 or max(map(max, sizes)) >= 1 << 31:
        return None
    (*batch, m, k), (*_, also, n) = sizes
    for one in batch:
        m *= one
    return Gemm(m, n, k) if k == also and min(m, n, k) > 0 else None
