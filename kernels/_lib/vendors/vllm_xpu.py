"""What the vllm_xpu adapters share: vllm-xpu-kernels' operators, imported when asked for."""

from __future__ import annotations

from typing import Any

import torch
from truetpot.kernels._lib.vendors import native


def why_not(library: str, *operators: str) -> str | None:
    """Why operators of ``vllm_xpu_kernels.<library>`` cannot be called; None when they can."""
    return native.why_not(library, operators, (f"vllm_xpu_kernels.{library}",))


def operator(library: str, name: str) -> Any:
    """The vendor's own operator ``torch.ops.<library>.<name>``."""
    return getattr(getattr(torch.ops, library), name)
