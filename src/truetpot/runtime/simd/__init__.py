"""SIMD vectors inside numba: 512-bit LLVM vector values that a kernel loads, combines and stores.

A kernel written with these reads like C intrinsics and stays Python. Addresses are plain integers
(``tensor.data_ptr()``), so a kernel call costs no array boxing. Vectors are generic LLVM values:
on a CPU without AVX-512 the same kernel compiles to narrower instructions. The two instructions
that have no generic form are guarded: ``vdpbf16ps`` by :data:`HAS_BF16_DOT`, ``vpdpbusd`` by
:data:`HAS_BYTE_DOT`; :func:`path_name` says which path this process runs.

``TRUETPOT_SIMD=generic`` turns the special instructions off, so that both paths can be tested on
one machine.
"""

from truetpot.runtime.simd.arithmetic import (
    add,
    add_i32,
    and_or,
    exp,
    first_lane,
    fma,
    maximum,
    mul,
    reduce_add,
    reduce_add_i32,
    reduce_max,
    shift_right,
    silu,
    splat,
    to_f32,
    zero,
    zero_i32,
)
from truetpot.runtime.simd.block import Block, block
from truetpot.runtime.simd.digits import ByteDots, byte_dots, record_bytes, write_record
from truetpot.runtime.simd.memory import (
    LOADS,
    STORES,
    call_pair,
    fetch_add,
    load_bf16,
    load_e5m2,
    load_f16,
    load_f32,
    load_i32,
    load_some,
    peek_f32,
    peek_i32,
    peek_i64,
    poke_f32,
    poke_i32,
    poke_i64,
    prefetch,
    store_bf16,
    store_f16,
    store_f32,
)
from truetpot.runtime.simd.outer import Outer, outer, paired_rows, widened_row
from truetpot.runtime.simd.shuffle import (
    sums_of_four_folds,
    unpair_first,
    unpair_second,
)
from truetpot.runtime.simd.vector import HAS_BF16_DOT, HAS_BYTE_DOT, LANES, path_name

__all__ = [
    "HAS_BF16_DOT",
    "HAS_BYTE_DOT",
    "LANES",
    "LOADS",
    "STORES",
    "Block",
    "ByteDots",
    "Outer",
    "add",
    "add_i32",
    "and_or",
    "block",
    "byte_dots",
    "call_pair",
    "exp",
    "fetch_add",
    "first_lane",
    "fma",
    "load_bf16",
    "load_e5m2",
    "load_f16",
    "load_f32",
    "load_i32",
    "load_some",
    "maximum",
    "mul",
    "outer",
    "paired_rows",
    "path_name",
    "peek_f32",
    "peek_i32",
    "peek_i64",
    "poke_f32",
    "poke_i32",
    "poke_i64",
    "prefetch",
    "record_bytes",
    "reduce_add",
    "reduce_add_i32",
    "reduce_max",
    "shift_right",
    "silu",
    "splat",
    "store_bf16",
    "store_f16",
    "store_f32",
    "sums_of_four_folds",
    "to_f32",
    "unpair_first",
    "unpair_second",
    "widened_row",
    "write_record",
    "zero",
    "zero_i32",
]
