"""Weights as ipex-llm stores them: its blocks on the CPU, its layout on XPU, and back."""

from truetpot.formats.ipex_llm.blocks import from_blocks, ipex_llm_blocks, to_blocks
from truetpot.formats.ipex_llm.layout import LAYOUTS, Layout
from truetpot.formats.ipex_llm.xpu import cpu_to_xpu, from_xpu, to_xpu, xpu_to_cpu

__all__ = [
    "LAYOUTS",
    "Layout",
    "cpu_to_xpu",
    "from_blocks",
    "from_xpu",
    "ipex_llm_blocks",
    "to_blocks",
    "to_xpu",
    "xpu_to_cpu",
]
