"""Where ranges of tokens end, in Triton's attention: the grid's cases have few ranges on a CPU.

In a process of its own: Triton decides when it is imported whether it interprets.
"""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is not installed")
BEGIN = """
import numpy as np
import truetpot.kernels._lib.triton.attention.launch as launch
from truetpot.measure.check import check_on
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import (
    DECODE_ATTENTION, ROPE_APPEND_ATTENTION, DecodeAttentionCase, RopeAppendCase
)
from truetpot.ops.registry import REGISTRY
from truetpot.ops.rope_append_attention import attention_after
from truetpot.runtime.choose import choose_device

REGISTRY.load_builtin()
device = choose_device("cpu")
[kernel_type] = REGISTRY.kernels("decode_attention", "triton")
"""
"""What each of the scripts below begins with."""
TAILS = """
config = {"BT": 16, "WAVES": 16.0, "num_warps": 1}
for context, tokens, page in [(65, 4, None), (66, 4, 16), (67, 4, 8), (65, 8, 16), (17, 8, None)]:
    rope = RopeAppendCase("fp16", 1, 3, 1, 32, context, "fp16", page, query_tokens=tokens)
    attention = attention_after(rope)
    both = ROPE_APPEND_ATTENTION.case(rope, attention)
    for op, case in ((DECODE_ATTENTION, attention), (ROPE_APPEND_ATTENTION, both)):
        [kernel_type] = REGISTRY.kernels(op.name, "triton")
        kernel = kernel_type(case, device, **config)
        assert kernel.attention.most_splits >= 2
        found = PreparedCase(op, case, device, 1).check(kernel)
        assert found.ok, (case, found.reason)
"""
PAIRS = """
for dtype in ("fp16", "bf16"):
    for kv_format in ("fp8_e4m3", "fp8_e5m2"):
        case = DecodeAttentionCase(dtype, 2, 6, 2, 32, 77, kv_format, 16, query_tokens=2)
        prepared = PreparedCase(DECODE_ATTENTION, case, device, 1)
        for pairs in (0, 1):
            found = prepared.check(kernel_type(case, device, BT=16, num_warps=1, PAIRS=pairs))
            assert found.ok, (case, pairs, found.reason)
"""

NEVER_WRITTEN = """
for page in (None, 16):
    case = DecodeAttentionCase("fp16", 3, 6, 2, 32, 77, "fp16", page, ragged=True)
    inputs = DECODE_ATTENTION.inputs(case, np.random.default_rng(0))
    expected = DECODE_ATTENTION.reference(case, inputs)
    for name in ("k_cache", "v_cache"):
        cache, written = inputs[name].copy(), np.full_like(inputs[name], np.nan)
        for sequence, length in enumerate(case.lengths()):
            for at in range(length):
                slot = sequence, at
                if page:
                    slot = inputs["block_table"][sequence, at // page], at % page
                written[slot[0], :, slot[1]] = cache[slot[0], :, slot[1]]
        inputs[name] = written
    if page:  # a page that there is not, wherever no token is
        table = inputs["block_table"]
        used = -(-case.lengths() // page)
        table[np.arange(table.shape[1])[None, :] >= used[:, None]] = 1 << 30
    for waves in (1.0, 64.0):
        kernel = kernel_type(case, device, BT=32, WAVES=waves, num_warps=1)
        found = check_on(kernel, case, inputs, expected)
        assert found.ok, (case, waves, found.reason)
"""
WIDE = """
for page in (None, 8):
    case = DecodeAttentionCase("fp16", 2, 6, 2, 32, 77, "fp8_e5m2", page)
    prepared = PreparedCase(DECODE_ATTENTION, case, device, 1)
    for launch.MOST_PLACES in (1 << 31, 0):
        found = prepared.check(kernel_type(case, device, BT=16, num_warps=1))
        assert found.ok, (case, launch.MOST_PLACES, found.reason)
"""


def interpret(script):
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_cache_of_bytes_in_pairs_and_byte_by_byte():
    """The second is what an Intel GPU has by default."""
    interpret(PAIRS)


def test_query_tokens_on_both_sides_of_the_end_of_a_range():
    """The first of them see nothing of the last range, and two programs append them."""
    interpret(TAILS)


def test_what_no_token_was_written_to_is_not_read():
    """Neither NaN in the rest of a cache nor a page that there is not comes into a sum."""
    interpret(NEVER_WRITTEN)


def test_a_cache_whose_places_need_more_than_32_bits():
    """Taken for one: two billion elements are more than a test has room for."""
    interpret(WIDE)
