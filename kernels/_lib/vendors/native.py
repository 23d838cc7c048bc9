"""Vendors' native operators in torch's dispatcher: are they there, and are they what we know?

Nothing is imported before a kernel on the vendor's own device is asked for. An operator of another
schema than the adapter was written for is not called: it would take one argument for another.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache

import torch

from truetpot.facts.vendor_ops import schemas


@cache
def why_not(namespace: str, operators: tuple[str, ...], modules: tuple[str, ...]) -> str | None:
    """Why ``torch.ops.<namespace>.<operator>`` cannot be called, in one line; None when it can.

    ``modules`` are what registers them, imported here.
    """
    for module in modules:
        package = module.partition(".")[0]
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed (see docs/vendors.md)"
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001
            # a binary for another torch or another oneAPI raises whatever it likes
            text = str(error).strip() or type(error).__name__
            return f"{module} cannot be imported: {text.splitlines()[0]}"
    for operator in operators:
        if reason := _unlike(namespace, operator):
            return reason
    return None


def arguments(namespace: str, operator: str) -> tuple[str, ...]:
    """Names of an installed operator's arguments: wheels differ."""
    schema = getattr(getattr(torch.ops, namespace), operator).default._schema
    return tuple(argument.name for argument in schema.arguments)


def _unlike(namespace: str, operator: str) -> str | None:
    try:
        installed = getattr(getattr(torch.ops, namespace), operator).default._schema
    except AttributeError:
        return f"the installed {namespace} has no operator {operator}"
    parse = torch._C.parse_schema
    if any(_same(installed, parse(known)) for known in schemas(namespace, operator)):
        return None
    return f"the installed {operator} has a schema that is not known here: {installed}"


def _same(a: torch._C.FunctionSchema, b: torch._C.FunctionSchema) -> bool:
    """Name, arguments in order with their types, and what returns; aliases have no fixed names."""

    def plain(schema: torch._C.FunctionSchema) -> tuple[object, ...]:
        taken = [(arg.name, str(arg.type), arg.is_write) for arg in schema.arguments]
        return schema.name, taken, [str(value.type) for value in schema.returns]

    return plain(a) == plain(b)
