"""Whatever legal shape comes: every kernel of every provider agrees with the reference."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, given, settings

from tests.prepared import check
from truetpot.facts.formats import format_facts
from truetpot.ops import (
    LINEAR,
    ROPE_APPEND_ATTENTION,
    AddCase,
    AllGatherCase,
    AllReduceCase,
    ArgmaxCase,
    BestOfRanksCase,
    DecodeAttentionCase,
    EmbeddingCase,
    LinearCase,
    LocalBestCase,
    MemoryReadCase,
    RmsNormCase,
    RopeAppendCase,
    SiluMulCase,
)
from truetpot.ops.linear_silu_mul import LINEAR_SILU_MUL
from truetpot.ops.memory_read import GRANULE
from truetpot.ops.registry import REGISTRY
from truetpot.ops.rope_append_attention import attention_after
from truetpot.runtime.choose import choose_device, present

REGISTRY.load_builtin()

DTYPE = st.sampled_from(["bf16", "fp16", "fp32"])
ROWS = st.integers(1, 16)


@st.composite
def linear(draw, formats, even=False):
    weight_format = draw(st.sampled_from(formats))
    block = format_facts(weight_format).k_multiple
    k = block * draw(st.integers(1, 2000 // block))
    # some layouts take rows in groups of 16 only, which any n would seldom be
    n = 16 * draw(st.integers(1, 20)) if draw(st.booleans()) else draw(st.integers(1, 300))
    n += n % 2 if even else 0
    return LinearCase(draw(DTYPE), draw(ROWS), n, k, weight_format, draw(st.booleans()))


@st.composite
def linear_silu_mul(draw, formats):
    part = draw(linear(formats, even=True))
    # with one or two outputs, all may cancel to near zero, where no error is relatively small
    assume(part.n >= 16)
    return LINEAR_SILU_MUL.case(part, SiluMulCase(part.dtype, part.m, part.n // 2))


@st.composite
def one_row(draw, formats, op):
    """A projection of one row with what its composite has before and after it."""
    part = replace(draw(linear(formats, even=True)), m=1)
    assume(part.n >= 16)
    around = {
        "rms_norm": RmsNormCase(part.dtype, 1, part.k),
        "linear": part,
        "silu_mul": SiluMulCase(part.dtype, 1, part.n // 2),
        "add": AddCase(part.dtype, 1, part.n),
    }
    return op.case(*(around[inner.name] for inner in op.parts))


COMPILED = [
    ("bf16", "bf16", 5, 128),
    ("bf16", "bf16", 1, 64),
    ("bf16", "fp16", 4, 32),
    ("fp16", "fp16", 7, 64),
    ("fp16", "bf16", 3, 96),
    ("fp32", "bf16", 8, 128),
    ("fp32", "fp16", 2, 256),
]
"""dtype, kv_format, heads a KV head, head_dim: what a kernel may be compiled for, which takes
seconds; the rest is drawn freely."""


@st.composite
def kv(draw, kind, **more):
    dtype, kv_format, group, head_dim = draw(st.sampled_from(COMPILED))
    batch, kv_heads = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    context = draw(st.one_of(st.integers(1, 70), st.integers(1, 700)))
    page, ragged = draw(st.sampled_from([None, None, 8, 16, 64])), draw(st.booleans())
    # compiled for their number too
    tokens = 4 if group == 5 and context >= 4 and draw(st.booleans()) else 1
    shape = (batch, kv_heads * group, kv_heads, head_dim, context, kv_format, page, ragged)
    drawn = {name: draw(strategy) for name, strategy in more.items()}
    return kind(dtype, *shape, query_tokens=tokens, **drawn)


def best_of_ranks(m, tp, vocab):
    return BestOfRanksCase("fp32", m, tp, -(-vocab // tp), vocab)


CASES = {
    "decode_attention": kv(DecodeAttentionCase),
    "rope_append": kv(RopeAppendCase, qk_norm=st.booleans()),
    "rope_append_attention": kv(RopeAppendCase, qk_norm=st.booleans()).map(
        lambda rope: ROPE_APPEND_ATTENTION.case(rope, attention_after(rope))
    ),
    "rms_norm": st.builds(
        RmsNormCase,
        DTYPE,
        ROWS,
        st.integers(1, 6000),
        st.sampled_from([1e-6, 1e-5]),
        residual=st.booleans(),
    ),
    "add": st.builds(AddCase, DTYPE, ROWS, st.integers(1, 6000)),
    "silu_mul": st.builds(SiluMulCase, DTYPE, ROWS, st.integers(1, 3000)),
    "embedding": st.builds(EmbeddingCase, DTYPE, ROWS, st.integers(1, 500), st.integers(1, 700)),
    "argmax": st.builds(ArgmaxCase, DTYPE, ROWS, st.integers(1, 5000)),
    "local_best": st.builds(LocalBestCase, st.just("fp32"), ROWS, st.integers(1, 5000), DTYPE),
    "best_of_ranks": st.builds(best_of_ranks, ROWS, st.integers(1, 8), st.integers(1, 5000)),
    # of one rank: several are processes of their own (tests/decode/test_ranks.py)
    "all_reduce": st.builds(
        AllReduceCase, DTYPE, ROWS, st.integers(0, 6000), st.just(1), st.booleans()
    ),
    "all_gather": st.builds(AllGatherCase, DTYPE, ROWS, st.integers(0, 6000), st.just(1)),
    "memory_read": st.builds(
        MemoryReadCase, st.just("fp32"), st.integers(1, 3000).map(lambda n: n * GRANULE)
    ),
}


def cases(kernel, device):
    """Of the kernel's operator, in formats that it takes at all: of many, it may take few."""
    op = kernel.op
    if LINEAR not in getattr(op, "parts", (op,)):
        assert op.name in CASES, f"no strategy for {op.name}: add one to CASES"
        return CASES[op.name]
    taken = [case for case in op.grid() if kernel.refuses(case, device) is None]
    parts = [part for case in taken for part in getattr(case, "parts", (case,))]
    formats = sorted({part.weight_format for part in parts if isinstance(part, LinearCase)})
    of_linears = {"linear": linear, "linear_silu_mul": linear_silu_mul}
    return of_linears[op.name](formats) if op.name in of_linears else one_row(formats, op)


def kernels():
    # of OpenCL's devices the best one: each shape may be compiled anew, and the grid is for all
    names = [name for name in present() if not name.startswith("opencl")]
    names += [name for name in present() if name.startswith("opencl")][:1]
    for device in map(choose_device, names):
        for kernel in REGISTRY.kernels():
            if kernel.runs_on(device.kind):
                marks = {"cpu": (), "opencl": pytest.mark.opencl}.get(device.kind, pytest.mark.gpu)
                name = f"{kernel.op.name}-{kernel.provider}-{device.name}"
                yield pytest.param(kernel, device, marks=marks, id=name)


@pytest.mark.parametrize(("kernel", "device"), list(kernels()))
# the same examples every time: a failure in CI is one that can be looked into
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_any_legal_shape(kernel, device, data, seed):
    reasons = [kernel.refuses(case, device) for case in kernel.op.grid()]
    if None not in reasons:
        pytest.skip(f"{kernel.provider} {kernel.op.name}: {reasons[0]}")
    case = data.draw(cases(kernel, device))
    assume(kernel.refuses(case, device) is None)
    found = check(kernel(case, device), case, seed)
    assert found.ok, found.reason
