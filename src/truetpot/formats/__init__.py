"""Weight formats: quantise, dequantise, random weights and slices, in NumPy, as the reference.

A format is one file, named after it, with its ``CODEC``; its sizes are in ``facts/formats.toml``.
One from outside joins by :func:`declare`. Layouts are canonical: what the formulas are defined on,
not what a kernel likes. A provider packs them into its own.
"""

from truetpot.formats.codecs import FORMATS, declare, dequantise, quantise, random_weight
from truetpot.formats.ipex_llm import ipex_llm_blocks
from truetpot.formats.slices import concat, rows, shard
from truetpot.formats.weight import Weight

__all__ = [
    "FORMATS",
    "Weight",
    "concat",
    "declare",
    "dequantise",
    "ipex_llm_blocks",
    "quantise",
    "random_weight",
    "rows",
    "shard",
]
