"""Operator contracts and the registry of kernels that implement them.

One module an operator: its frozen case, bytes, flops, inputs, float64 reference and tolerance.
Names are imported here for those who use them; :data:`OPERATORS` has what any module defines.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from truetpot.ops.add import ADD, AddCase
from truetpot.ops.all_gather import ALL_GATHER, AllGatherCase
from truetpot.ops.all_reduce import ALL_REDUCE, AllReduceCase
from truetpot.ops.all_reduce_rms_norm import ALL_REDUCE_RMS_NORM
from truetpot.ops.argmax import ARGMAX, ArgmaxCase
from truetpot.ops.best_of_ranks import BEST_OF_RANKS, BestOfRanksCase
from truetpot.ops.composite import Composite, CompositeCase
from truetpot.ops.decode_attention import DECODE_ATTENTION, DecodeAttentionCase
from truetpot.ops.embedding import EMBEDDING, EmbeddingCase
from truetpot.ops.kv_cache import MOST_QUERY_TOKENS
from truetpot.ops.linear import LINEAR, LinearCase
from truetpot.ops.linear_add import LINEAR_ADD
from truetpot.ops.linear_silu_mul import LINEAR_SILU_MUL
from truetpot.ops.local_best import LOCAL_BEST, LocalBestCase
from truetpot.ops.memory_read import MEMORY_READ, MemoryReadCase
from truetpot.ops.operator import Case, Operator
from truetpot.ops.rms_norm import RMS_NORM, RmsNormCase
from truetpot.ops.rms_norm_linear import RMS_NORM_LINEAR, RMS_NORM_LINEAR_SILU_MUL
from truetpot.ops.rope_append import ROPE_APPEND, RopeAppendCase
from truetpot.ops.rope_append_attention import ROPE_APPEND_ATTENTION
from truetpot.ops.silu_mul import SILU_MUL, SiluMulCase


def _defined() -> Iterator[Operator]:
    """The operators that the modules of this package define: a file is all that it takes."""
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Operator):
                yield value


OPERATORS: dict[str, Operator] = {op.name: op for op in _defined()}
COMPOSITES: tuple[Composite, ...] = tuple(
    op for op in OPERATORS.values() if isinstance(op, Composite)
)

__all__ = [
    "ADD",
    "ALL_GATHER",
    "ALL_REDUCE",
    "ALL_REDUCE_RMS_NORM",
    "ARGMAX",
    "BEST_OF_RANKS",
    "COMPOSITES",
    "DECODE_ATTENTION",
    "EMBEDDING",
    "LINEAR",
    "LINEAR_ADD",
    "LINEAR_SILU_MUL",
    "LOCAL_BEST",
    "MEMORY_READ",
    "MOST_QUERY_TOKENS",
    "OPERATORS",
    "RMS_NORM",
    "RMS_NORM_LINEAR",
    "RMS_NORM_LINEAR_SILU_MUL",
    "ROPE_APPEND",
    "ROPE_APPEND_ATTENTION",
    "SILU_MUL",
    "AddCase",
    "AllGatherCase",
    "AllReduceCase",
    "ArgmaxCase",
    "BestOfRanksCase",
    "Case",
    "Composite",
    "CompositeCase",
    "DecodeAttentionCase",
    "EmbeddingCase",
    "LinearCase",
    "LocalBestCase",
    "MemoryReadCase",
    "Operator",
    "RmsNormCase",
    "RopeAppendCase",
    "SiluMulCase",
]
