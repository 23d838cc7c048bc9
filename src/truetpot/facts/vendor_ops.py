"""Schemas of vendors' native operators, as their published wheels have them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from truetpot.facts.tables import convert, read


@dataclass(frozen=True)
class Library:
    """One shared library of a wheel, and those of its operators that an adapter calls."""

    wheel: str
    """As pip names it: ``bigdl-core-xe-all==2.6.0``."""
    file: str
    """Its path within the wheel, without what follows the first dot of its name."""
    namespace: str
    """``torch.ops.<namespace>``."""
    schemas: tuple[str, ...]


@cache
def libraries() -> tuple[Library, ...]:
    """Every library of vendor kernels in ``vendor_ops.toml``."""
    return tuple(convert(e, Library, "vendor_ops.toml") for e in read("vendor_ops.toml")["library"])


def schemas(namespace: str, operator: str) -> tuple[str, ...]:
    """The schemas that an operator is known to have, each once: ``ns::op(Tensor x) -> Tensor``."""
    found = (
        f"{namespace}::{schema}"
        for library in libraries()
        if library.namespace == namespace
        for schema in library.schemas
        if schema.startswith(f"{operator}(")
    )
    return tuple(dict.fromkeys(found))
