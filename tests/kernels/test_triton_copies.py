"""Copies into shared memory are as wide as their layout has elements a thread.

Triton chooses one layout for all loads and stores of one shape that the same values reach. A load
whose own runs are shorter is then cut in many copies, with the lanes far apart: right, and up to
1.4 times as long (docs/performance/h200.md). Compiled for Hopper, without a GPU.
"""

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from tests.kernels.no_gpu import NO_GPU, run

COPIES = (
    NO_GPU
    + r"""
import math
import re
from collections import Counter
from itertools import product
from truetpot.measure.check import prepare
from truetpot.ops import LINEAR, LINEAR_SILU_MUL, OPERATORS, CompositeCase, LinearCase
from truetpot.ops import DecodeAttentionCase, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

from truetpot.kernels._lib.triton.linear import configs as linear_configs

REGISTRY.load_builtin()
linear_configs.choices = lambda *_: ({"EARLY": 0},)
cpu, made, launch = choose_device("cpu"), [], JITFunction.__getitem__
JITFunction.__getitem__ = lambda kernel, grid: (
    lambda *args, **options: made.append(launch(kernel, grid)(*args, **options))
)
BYTES = {"bf16": 2, "i16": 2, "i32": 4, "f32": 4, "f8E5M2": 1, "f8E4M3FN": 1}

class Hopper:
    kind, torch = "cuda", None
    identity = staticmethod(lambda: {"local_memory_bytes": 232448, "units": 132})

def by_layout(kernel):
    "Copies by their width in bytes, as the layouts have them."
    text, found = kernel.asm["ttgir"], Counter()
    layouts = dict(re.findall(r"(#\w+) = #ttg\.blocked<\{sizePerThread = \[([\d, ]+)\]", text))
    copy = r"async_copy_global_to_local.*?tensor<([\dx]+)x!tt\.ptr<(\w+)>, (#\w+)>"
    for shape, dtype, layout in re.findall(copy, text):
        each = math.prod(map(int, layouts[layout].split(",")))
        all_of_them = math.prod(map(int, shape.split("x")))
        found[each * BYTES[dtype]] += max(1, all_of_them // (32 * kernel.metadata.num_warps * each))
    return found

def by_code(kernel):
    copy = r"cp\.async\.\w+\.shared\.global.*?, (0x[0-9a-f]+)"
    return Counter(int(width, 16) for width in re.findall(copy, kernel.asm["ptx"]))

def cases():
    for of, m, many in product(sys.argv[1].split(","), (8, 32, 64), (False, True)):
        case = LinearCase("bf16", m, 512, 512, of)
        like = LinearCase("bf16", m, 55296 if many else 5120, 5120, of)
        default = next(iter(linear_configs.configs(like, Hopper)))
        yield LINEAR, case, default
        both = CompositeCase("bf16", (case, SiluMulCase("bf16", m, 256)))
        yield LINEAR_SILU_MUL, both, default
    for kv_format, page in product(("bf16", "fp8_e4m3", "fp8_e5m2"), (None, 16)):
        yield OPERATORS["decode_attention"], DecodeAttentionCase(
            "bf16", 2, 40, 8, 128, 1000, kv_format, page
        ), {}

seen = 0
for op, case, config in cases():
    made.clear()
    [kernel_type] = REGISTRY.kernels(op.name, "triton")
    kernel = kernel_type(case, cpu, **config)
    kernel(**prepare(kernel, op.inputs(case, np.random.default_rng(0))))
    for compiled in made:
        expected, found = by_layout(compiled), by_code(compiled)
        assert expected == found, (op.name, case, config, expected, found)
        seen += sum(found.values())
print(seen)
"""
)


@pytest.mark.parametrize("formats", ["bf16,sym_int4", "fp8_e5m2,fp8_e4m3"])
def test_no_copy_is_cut(formats, tmp_path):
    assert run(COPIES, formats, tmp_path) > 100
