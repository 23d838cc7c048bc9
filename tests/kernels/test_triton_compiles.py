"""Every Triton kernel compiles to machine code, without a GPU: what the interpreter does not see.

Triton's own compiler and assembler run here for Hopper; no driver is needed for that. The launch is
left out, so this says nothing about results.
"""

from pathlib import Path

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from tests.kernels.no_gpu import NO_GPU, run

CASES = """
import json
import traceback
from truetpot.measure.check import prepare
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

REGISTRY.load_builtin()
device = choose_device("cpu")

def compile_all(op, **config):
    [kernel_type] = REGISTRY.kernels(op, "triton")
    kinds = {}
    for case in kernel_type.op.grid():
        if case.dtype == "bf16" and kernel_type.refuses(case, device) is None:
            few = getattr(case, "parts", (case,))[0]
            # one row, few and many go by other device functions
            m = getattr(few, "m", 1)
            rows = (m > 1) + (m > 8) + (m > 16), getattr(few, "query_tokens", 1)
            one = getattr(few, "kv_heads", 0) == 1  # an argument of 1 is compiled in as a number
            kinds[case.format, rows, getattr(few, "page", None), one] = case
    for case in kinds.values():
        kernel = kernel_type(case, device, **config)
        kernel(**prepare(kernel, kernel.op.inputs(case, np.random.default_rng(0))))
    return len(kinds)

def of_each(compile_one):
    found = {}
    for op in sys.argv[1].split(","):
        try:
            found[op] = compile_one(op)
        except Exception:
            found[op] = traceback.format_exc()
    print(json.dumps(found))
"""
COMPILE = (
    NO_GPU
    + CASES
    + """
of_each(compile_all)
"""
)
EARLY = (
    NO_GPU
    + """
made = []
launch = JITFunction.__getitem__
JITFunction.__getitem__ = lambda kernel, grid: (
    lambda *args, **options: made.append(launch(kernel, grid)(*args, **options))
)
"""
    + CASES
    + """
def reads_before_it_waits(op):
    made.clear()
    compile_all(op, EARLY=1)
    listings = [kernel.asm["ptx"] for kernel in made]
    assert made and all(kernel.metadata.launch_pdl for kernel in made)
    return sum(
        not 0 < text.find("griddepcontrol.wait") < re.search("ld.global|cp.async", text).start()
        for text in listings
    )

of_each(reads_before_it_waits)
"""
)


INT4 = (
    NO_GPU
    + """
import triton.language as tl
from truetpot.kernels._lib.triton.linear import int4_matrix as int4

if sys.argv[1] != "usual":
    int4.K_WIDTH = tl.constexpr(6 - int4.K_WIDTH.value)
x, words = torch.zeros(5120, dtype=torch.bfloat16), torch.zeros(1 << 16, dtype=torch.int32)
launch = int4.gemv[(1,)]
kernel = launch(
    x, x, words, words, x, x, x, 4096, 1e-6, 512, int4.MASK, *int4.BITS["bf16"], K=5120, G=1,
    UNROLL=1, STAGES=1, WARPS=4, EVEN=True, WHOLE=True, PAIRED=False, BIAS=False, NORM=False,
    ADD=False, EARLY=0, num_warps=4,
)
print(kernel.asm["ptx"].count("shfl"))
"""
)
LAUNCH = (
    NO_GPU
    + """
import json
from truetpot.measure.launch import launch
from truetpot.ops import LinearCase
from truetpot.ops.registry import REGISTRY
from truetpot.ops.tuned import Choice
from truetpot.records.store import plain
from truetpot.runtime.choose import choose_device

REGISTRY.load_builtin()
[kernel] = REGISTRY.kernels("linear", "triton")
case, device = LinearCase("bf16", 1, 256, 512, "bf16"), choose_device("cpu")
before = JITFunction.run
found = launch(kernel, case, device, Choice(next(iter(kernel.configs(case, device)))), 3)
assert JITFunction.run is before
print(json.dumps([plain(row) for row in found.launches]))
"""
)
ROOM = (
    NO_GPU
    + """
from truetpot.kernels.linear import triton as linear
from truetpot.measure.check import prepare
from truetpot.ops import LINEAR, LinearCase
from truetpot.runtime.choose import choose_device

class Hopper:
    kind, torch = "cuda", None
    identity = staticmethod(lambda: {"local_memory_bytes": 232448})

cpu, made = choose_device("cpu"), []
linear_configs = sys.modules["truetpot.kernels._lib.triton.linear.configs"]
linear_configs.choices = lambda *_: ({"EARLY": 0},)
launch = JITFunction.__getitem__
JITFunction.__getitem__ = lambda kernel, grid: (
    lambda *args, **options: made.append(launch(kernel, grid)(*args, **options))
)


def compiled(case, config):
    kernel = linear.TritonLinear(case, cpu, **config)
    kernel(**prepare(kernel, LINEAR.inputs(case, np.random.default_rng(0))))
    return made[-1].metadata.shared


few = LinearCase("bf16", 3, 130, 1024, "fp32")
tried = [c for c in linear_configs.configs(few, Hopper) if c["STAGES"] > 2]  # each in memory
largest = compiled(few, max(tried, key=lambda c: (c["STAGES"] + 1) * c["BK"] * (c["BN"] + 8)))
defaults = []
for case in (
    LinearCase("bf16", 64, 130, 512, "fp32"),
    LinearCase("fp32", 64, 130, 512, "fp32"),
    LinearCase("fp32", 64, 130, 512, "fp8_e5m2"),
    LinearCase("fp32", 64, 17000, 256, "fp8_e5m2"),
    LinearCase("fp32", 64, 130, 512, "sym_int4"),
):
    defaults.append(compiled(case, next(iter(linear_configs.configs(case, Hopper)))))
print([largest, max(defaults)])
"""
)
AHEAD = (
    NO_GPU.partition("JITFunction.__getitem__")[0]
    + """
import json
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.tune.compiling import compile_only

REGISTRY.load_builtin()
[kernel] = REGISTRY.kernels("silu_mul", "triton")
case, before, compiled = SiluMulCase("bf16", 1, 512), JITFunction.run, []

def hook(*args, already_compiled, **options):
    compiled.append(already_compiled)

triton.knobs.runtime.jit_post_compile_hook = hook
made = kernel(case, choose_device("cpu"))
compile_only(made, PreparedCase(SILU_MUL, case, made.device))
assert JITFunction.run is before
print(json.dumps(len(compiled)))
"""
)
OPS = (
    "linear",
    "linear_silu_mul",
    "linear_add",
    "rms_norm_linear",
    "rms_norm_linear_silu_mul",
    "decode_attention",
    "rope_append_attention",
    "rms_norm",
    "rope_append",
    "silu_mul",
    "embedding",
    "argmax",
)

EARLY_OPS = ("linear", "rope_append_attention", "rms_norm", "rope_append")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Of each operator how many kinds of cases were compiled, or a traceback. In one process."""
    return run(COMPILE, ",".join(OPS), tmp_path_factory.mktemp("triton"))


@pytest.fixture(scope="module")
def early(tmp_path_factory):
    """Of each operator how many kernels read too early, or a traceback."""
    return run(EARLY, ",".join(EARLY_OPS), tmp_path_factory.mktemp("triton"))


@pytest.mark.slow
@pytest.mark.parametrize("op", OPS)
def test_compiles(op, compiled):
    assert isinstance(compiled[op], int), compiled[op]
    assert compiled[op] > 0


@pytest.mark.parametrize("op", EARLY_OPS)
def test_an_early_launch_reads_nothing_before_it_waits(op, early):
    assert early[op] == 0


def test_the_largest_tiles_fit_local_memory(tmp_path):
    """Those that a search tries, and the defaults of elements of four bytes."""
    largest, default = run(ROOM, "", tmp_path)
    assert 96 << 10 < largest <= 232448
    assert 64 << 10 < default <= 232448


def test_int4_words_stay_in_their_threads(tmp_path):
    """Only sums are exchanged; in an order of K that is not this Triton's, each weight is too."""
    assert run(INT4, "usual", tmp_path) < 16
    assert run(INT4, "other", tmp_path) > 32


def test_what_is_launched_is_seen_on_its_way(tmp_path):
    """Once, though there were three calls: name, sizes, options and the machine code's file."""
    (row,) = run(LAUNCH, "linear", tmp_path)
    assert row["entry_point"] == "gemv"
    assert row["local_size"] == [128, 1, 1]
    assert row["global_size"][0] % 128 == 0
    assert {"num_warps=4"} <= {*row["options"]}
    assert Path(row["binary"]).is_relative_to(tmp_path)
    assert Path(row["binary"]).read_bytes()[1:4] == b"ELF"


def test_what_is_compiled_only_is_found_by_the_next_process(tmp_path):
    """Nothing is launched: this driver has no way to. The second process compiles nothing."""

    def files():
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    assert run(AHEAD, "", tmp_path) == 1
    kept = files()
    assert any(path.suffix == ".cubin" for path in kept)
    assert run(AHEAD, "", tmp_path) == 1
    assert files() == kept
