"""Cut weights and put them together: rows, fused projections, tensor-parallel shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from truetpot.errors import UserError
from truetpot.facts.formats import format_facts
from truetpot.formats.weight import Array, Weight


def rows(weight: Weight, start: int, stop: int) -> Weight:
    """Rows `start` to `stop` (exclusive): a view, no copy."""
    n, k = weight.shape
    if not 0 <= start < stop <= n:
        raise UserError(f"rows {start}:{stop} are not in a weight of {n} rows.")
    scales = None if weight.scales is None else weight.scales[start:stop]
    return Weight(weight.format, (stop - start, k), weight.codes[start:stop], scales)


def concat(weights: Sequence[Weight]) -> Weight:
    """One weight of all rows, in order: q, k, v as one projection, gate and up as one."""
    first = weights[0]
    for other in weights[1:]:
        if (other.format, other.shape[1]) != (first.format, first.shape[1]):
            raise UserError(
                f"cannot fuse {other.format} of K = {other.shape[1]} with {first.format} of "
                f"K = {first.shape[1]}; fused projections share format and K."
            )
    n = sum(weight.shape[0] for weight in weights)
    codes = np.concatenate([weight.codes for weight in weights])
    scales = [weight.scales for weight in weights if weight.scales is not None]
    joined = np.concatenate(scales) if scales else None
    return Weight(first.format, (n, first.shape[1]), codes, joined)


def shard(weight: Weight, rank: int, tp: int, axis: str) -> Weight:
    """Share `rank` of `tp` equal ones along `axis`: "n" (a view) or "k" (a contiguous copy).

    Raises UserError if the axis does not divide, or a share of K would cut a block in two.
    """
    n, k = weight.shape
    if axis not in ("n", "k"):
        raise ValueError(f"axis {axis!r} is neither 'n' nor 'k'")
    if not 0 <= rank < tp:
        raise UserError(f"rank {rank} is not one of {tp}; ranks are 0 to {tp - 1}.")
    size = n if axis == "n" else k
    if size % tp:
        raise UserError(f"{axis.upper()} = {size} does not divide into {tp} equal shares.")
    if axis == "n":
        return rows(weight, rank * (n // tp), (rank + 1) * (n // tp))
    share = k // tp
    if share % (multiple := format_facts(weight.format).k_multiple):
        raise UserError(
            f"a share of K = {share} cuts the {multiple}-element blocks of {weight.format}; "
            "use fewer ranks or a format without blocks."
        )
    scales = None if weight.scales is None else _columns(weight.scales, rank, tp)
    return Weight(weight.format, (n, share), _columns(weight.codes, rank, tp), scales)


def _columns(array: Array, rank: int, tp: int) -> Array:
    # Codes and scales both run along K in order, so the share of K is the same share of either.
    width = array.shape[1] // tp
    return np.ascontiguousarray(array[:, rank * width : (rank + 1) * width])
