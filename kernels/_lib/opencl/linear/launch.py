"""How the OpenCL products are launched: which source, with which macros, over how many groups.

``gemm.cl`` where the matrix engine has the operands (:mod:`.matrix`), whatever the number of rows
of x; ``gemv.cl`` for everything else (:mod:`.vector`). A weight's layout belongs to the source, so
that one layout serves 1 to 64 rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from truetpot.kernels._lib.opencl.linear import matrix, vector
from truetpot.kernels._lib.opencl.options import FAST_MATH, GRF, VALUES, room

from truetpot.ops import LinearCase
from truetpot.ops.registry import Config
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target

MOST_ROWS = 64
MOST_ITEMS = 1024
"""Of a work-group, on any Arc."""


@dataclass(frozen=True)
class Launch:
    """A compilation and the sizes that it is launched with."""

    build: Build
    config: Config
    """Every launch parameter."""
    work_groups: int
    items: int
    """Of a work-group."""
    passes: int = 1
    """Over W, for as many parts of x: neighbours, so that a cache serves all but the first."""

    @property
    def sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Global and local size, as an entry point takes them."""
        return (self.passes * self.items, self.work_groups), (self.items, 1)


def refuses(case: LinearCase) -> str | None:
    """Why there is no product for the case; None if there is one."""
    if case.m > MOST_ROWS:
        return f"a decode batch of up to {MOST_ROWS} rows, not {case.m}"
    if case.weight_format not in vector.FORMATS:
        return f"no product with {case.weight_format} weights"
    return None


def on_matrix_engine(case: LinearCase) -> bool:
    """Whether ``gemm.cl`` has the operands."""
    return matrix.takes(case)


def layout(case: LinearCase, target: Target, subgroup: int = 0, **_: object) -> int:
    """Rows of W in a group of the matrix engine's layout; 0: rows as the format has them."""
    return (subgroup or target.dpas or 8) if matrix.takes(case) else 0


def options(case: LinearCase) -> tuple[str, ...]:
    """Compiler options that are parameters beside the sizes.

    ``fast_math`` on the vector engine alone: beside the matrix engine it leaves the inner loop as
    it is (``truetpot isa``), and would only double what there is to search.
    """
    return () if on_matrix_engine(case) else (FAST_MATH,)


def launch(case: LinearCase, target: Target, *, paired: bool = False, **config: int) -> Launch:
    """For a case; ``paired``, rows of G and U that make one output go together.

    Parameters that are not given are the default's, with 256 registers where an Intel GPU gains.
    """
    one = _product(case, target, paired)
    grf = (config[GRF],) if GRF in config else VALUES[GRF] if target.dpas else VALUES[GRF][:1]
    whole = one.default(grf) | config
    build, work_groups, passes = one.build(whole)
    items = whole["subgroup"] * whole["split"] * whole["groups"]
    return Launch(build, whole, work_groups, items, passes)


def configs(
    case: LinearCase, target: Target, grf: Sequence[int], *, paired: bool = False
) -> Iterator[Config]:
    """The default, then what else is legal for the case with ``grf`` registers."""
    one = _product(case, target, paired)
    first = one.default(grf)
    yield dict(first)
    for config in one.legal(grf):
        sub_groups = config["split"] * config["groups"]
        fits = config["subgroup"] * sub_groups <= MOST_ITEMS and room(target, config, sub_groups)
        if fits and config != first:
            yield config


def withheld(
    case: LinearCase, target: Target, *, paired: bool = False
) -> Iterator[tuple[Config, str]]:
    """What is legal and not offered, and why."""
    if not matrix.takes(case):
        yield from vector.Product(case, target, paired).withheld()


def _product(case: LinearCase, target: Target, paired: bool) -> matrix.Product | vector.Product:
    kind = matrix.Product if matrix.takes(case) else vector.Product
    return kind(case, target, paired)
