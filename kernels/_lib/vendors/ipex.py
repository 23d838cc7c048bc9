"""What the ipex adapters share: is IPEX there, and has it the operators that they know?

It is imported when a case is asked for, not before: it replaces operators of torch's dispatcher,
and it ends the process where it finds another torch than the one it was built for.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
from functools import cache
from typing import Any

import torch

_PACKAGE = "intel_extension_for_pytorch"
_DISTRIBUTION = "intel-extension-for-pytorch"

UNTRIED = "written to the vendor's sources, checked against stand-ins; not run on a card"
"""What the adapters for XPU say of themselves."""


@cache
def why_not(kind: str, *schemas: str) -> str | None:
    """Why operators of ``torch.ops.torch_ipex`` cannot be called, in one line; None when they can.

    ``kind`` is ``cpu`` or ``xpu``: a build has the operators of one. ``schemas`` are those that an
    adapter was written for. Names of arguments are not compared, as the vendor gives most of them
    none; nor is what may be None, which its sources for XPU leave to the compiler.
    """
    reason = _absent()
    if reason is None and (build := _build()) != kind:
        reason = f"the installed {_DISTRIBUTION} is the build for {build}, not for {kind}"
    if reason is not None:
        return reason
    return next((why for schema in schemas if (why := _unlike(schema))), None)


def operator(name: str) -> Any:
    """The vendor's own operator ``torch.ops.torch_ipex.<name>``."""
    return getattr(torch.ops.torch_ipex, name)


def uses_xetla() -> bool:
    """Which of its two int4 products the XPU build itself would take on this device."""
    convert = importlib.import_module(f"{_PACKAGE}.nn.utils._quantize_convert")
    return bool(convert.xpu_gemm_use_xetla())


def isa() -> str:
    """The instruction set that the CPU build chose: ``AVX512_BF16``, ``AMX``, ..."""
    return str(importlib.import_module(f"{_PACKAGE}._C")._get_current_isa_level())


@cache
def _absent() -> str | None:
    if importlib.util.find_spec(_PACKAGE) is None:
        return f"{_DISTRIBUTION} is not installed (see docs/ipex.md)"
    needed = ".".join(importlib.metadata.version(_DISTRIBUTION).split(".")[:2])
    if not torch.__version__.startswith(f"{needed}."):
        return f"{_DISTRIBUTION} {needed} needs torch {needed}, and this is {torch.__version__}"
    try:
        importlib.import_module(_PACKAGE)
    except (Exception, SystemExit) as error:  # noqa: BLE001
        # a binary for another torch or another oneAPI raises whatever it likes
        text = str(error).strip() or type(error).__name__
        return f"{_PACKAGE} cannot be imported: {text.splitlines()[0]}"
    return None


def _build() -> str:
    return "xpu" if importlib.import_module(_PACKAGE).__version__.endswith("+xpu") else "cpu"


def _unlike(schema: str) -> str | None:
    wanted = torch._C.parse_schema(f"torch_ipex::{schema}")
    name = wanted.name.removeprefix("torch_ipex::")
    try:
        found = operator(name).default._schema
    except AttributeError:
        return f"the installed {_DISTRIBUTION} has no operator {name}"
    if _types(found) == _types(wanted):
        return None
    return f"the installed {name} has a schema that is not known here: {found}"


def _types(schema: torch._C.FunctionSchema) -> tuple[list[str], list[str]]:
    takes = [re.sub(r"Optional\[(.*)\]", r"\1", str(arg.type)) for arg in schema.arguments]
    return takes, [str(value.type) for value in schema.returns]
