"""The cases of a grid that go through a kernel's code as another case does already."""

from collections.abc import Iterable, Iterator

from truetpot.ops import Case

COMPILED = ("numba", "opencl", "triton")
"""Providers that compile a kernel for what ``made_for`` says of a case, which takes seconds."""


def made_for(case: Case) -> Iterator[tuple[str, object]]:
    """What a kernel may be compiled for: dtypes, formats, heads a KV head, head size.

    Activations meet sym_int4 in another way by dtype, and other formats in one: for it alone the
    pair counts.
    """
    for part in getattr(case, "parts", (case,)):
        yield "dtype", part.dtype
        for name in ("weight_format", "kv_format", "head_dim", "qk_norm"):
            if hasattr(part, name):
                yield name, getattr(part, name)
        if hasattr(part, "kv_heads"):
            yield "group", part.heads // part.kv_heads
            yield "query_tokens", part.query_tokens
        if getattr(part, "weight_format", "") == "sym_int4":
            yield "sym_int4 and dtype", part.dtype


def repeated(cases: Iterable[Case]) -> set[Case]:
    """Those made for nothing that the cases before them are not made for, value by value.

    A case made for the same as one that stays, stays too: another shape costs nothing then.
    """
    seen: set[tuple[str, object]] = set()
    kept: set[frozenset[tuple[str, object]]] = set()
    left = set()
    for case in cases:
        made = frozenset(made_for(case))
        if made in kept or not made <= seen:
            kept.add(made)
            seen |= made
        else:
            left.add(case)
    return left
