"""Launch parameters of the CPU kernels: each is right, and does what it is named after."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from truetpot.kernels._lib.numba.linear import defaults, sweep
from truetpot.kernels._lib.numba.linear.panels import BLOCK, BLOCKED, FORMATS
from truetpot.kernels._lib.numba.linear.paths import parts_of, path

from tests.prepared import check
from tools.cpu_loops import SIGNATURE, block, spills
from truetpot.ops import (
    LINEAR_SILU_MUL,
    DecodeAttentionCase,
    LinearCase,
    SiluMulCase,
)
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device

pytestmark = pytest.mark.slow

SEVERAL = LinearCase("bf16", 11, 80, 192, "bf16")
INT4 = LinearCase("bf16", 6, 80, 192, "sym_int4")
FUSED = LINEAR_SILU_MUL.case(replace(INT4, m=3), SiluMulCase("bf16", 3, 40))
RAGGED = DecodeAttentionCase("bf16", 3, 10, 2, 64, 300, "bf16", page=16, ragged=True)
CASES = [
    ("linear", SEVERAL),
    ("linear", INT4),
    pytest.param("linear_silu_mul", FUSED, marks=pytest.mark.exhaustive),
    ("decode_attention", RAGGED),
]


def kernel_of(name):
    REGISTRY.load_builtin()
    (kernel,) = REGISTRY.kernels(name, "numba")
    return kernel


@pytest.fixture(scope="module")
def cpu():
    return choose_device("cpu")


def one_by_one(name, case, device):
    """The default, and each value of each parameter beside the default's others."""
    default, *others = kernel_of(name).configs(case, device)
    near = {}
    for one in others:  # where one value decides on another's default, the first has that
        differ = [(n, one[n]) for n, value in default.items() if one[n] != value]
        if len(differ) == 1 or not {"parts", "rows"} ^ {n for n, _ in differ}:
            near.setdefault(differ[0], one)
    return [default, *near.values()]


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda one: getattr(one, "dtype", one))
def test_every_value_is_right(name, case, cpu):
    kernel = kernel_of(name)
    configs = one_by_one(name, case, cpu)
    assert len(configs) > 5
    for config in configs:
        found = check(kernel(case, cpu, **config), case)
        assert found.ok, f"{found.reason} {config}"


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda one: getattr(one, "dtype", one))
def test_no_configuration_comes_twice_and_all_name_the_same(name, case, cpu):
    configs = [*kernel_of(name).configs(case, cpu)]
    assert len({tuple(one.items()) for one in configs}) == len(configs)
    assert len({tuple(one) for one in configs}) == 1


def assembly(weight_format, dtype, parts, rows=1, ahead=0, unroll=1):
    """Of the dot over a panel."""
    dot = path(weight_format, dtype, parts).dot(rows, ahead, unroll)
    dot.compile(SIGNATURE)
    return dot.inspect_asm(dot.signatures[0])


def opcodes(weight_format, **parameters):
    """Of the dot over a panel, how often each."""
    parts = parts_of(weight_format, 2)[0]
    asm = assembly(weight_format, "bf16", parts, **parameters)
    return Counter(re.findall(r"^\t([a-z]\w*)", asm, re.MULTILINE))


def prefetches(found):
    return sum(count for name, count in found.items() if name.startswith("prefetch"))


def test_every_line_is_prefetched_or_none():
    assert prefetches(opcodes("bf16")) == prefetches(opcodes("sym_int4")) == 0
    assert prefetches(opcodes("bf16", ahead=1024)) > 0
    assert prefetches(opcodes("sym_int4", ahead=1024)) > 0


def test_unrolled_turns_have_as_many_more_products():
    once, four = (opcodes("bf16", unroll=n) for n in (1, 4))
    fewer, more = (sum(n for op, n in one.items() if "fmadd" in op) for one in (once, four))
    assert more > fewer > 0


def test_no_more_threads_than_there_are(monkeypatch):
    monkeypatch.setattr(sweep, "get_num_threads", lambda: 4)
    workers = [sweep.sweep(INT4, {"threads": n}).workers() for n in (0, 1, 3, 9)]
    assert workers == [4, 1, 3, 4]
    assert {one["threads"] for one in sweep.configs(INT4)} == {0, 2}
    monkeypatch.setattr(sweep, "get_num_threads", lambda: 1)
    assert {one["threads"] for one in sweep.configs(INT4)} == {0}


def filled():
    """Every way to multiply, with as many rows of x as it takes at once."""
    for weight_format in FORMATS:
        for dtype in ("bf16", "fp16", "fp32") if weight_format in BLOCKED else ("bf16",):
            usual = defaults.defaults().parts[dtype]
            for parts in dict.fromkeys((parts_of(weight_format, usual)[0], 0)):
                marks = () if parts or weight_format == "bf16" else pytest.mark.exhaustive
                yield pytest.param(weight_format, dtype, parts, marks=marks)


@pytest.mark.parametrize(("weight_format", "dtype", "parts"), [*filled()])
def test_the_registers_hold_what_a_sweep_needs(weight_format, dtype, parts):
    way = path(weight_format, dtype, parts)
    asm = assembly(weight_format, dtype, parts, way.most)
    if "%zmm" not in asm:
        pytest.skip("no AVX-512 here: the loops are made for its registers")
    whole = BLOCK * way.most * (parts or way.terms) if weight_format in BLOCKED else 0
    assert spills(block(asm, whole)) == 0


def test_spills_are_seen():
    if "%zmm" not in assembly("bf16", "bf16", 0):
        pytest.skip("no AVX-512 here")
    assert spills(block(assembly("bf16", "bf16", 0, 32), 0)) > 0


def test_rows_share_sweeps_evenly():
    most = path("bf16", "bf16", 0).most
    rows = {m: sweep.sweep(replace(SEVERAL, m=m), {}).compiled.rows for m in (1, 8, 9, 17, 64)}
    assert most == 8
    assert rows == {1: 1, 8: 8, 9: 5, 17: 6, 64: 8}


def test_the_prefetch_distance_is_of_the_processor():
    def of(vendor, family, model):
        fields = {"vendor_id": vendor, "cpu family": str(family), "model": str(model)}
        return defaults.ahead(fields)

    rapids, amd = of("GenuineIntel", 6, 207), of("AuthenticAMD", 25, 17)
    assert rapids.bytes == 8192
    assert rapids.measured
    assert not of("GenuineIntel", 6, 106).measured
    assert amd.bytes in sweep.AHEAD
    assert defaults.ahead({}).bytes == 0
    assert all(entry.reason and entry.bytes in sweep.AHEAD for entry in defaults.defaults().ahead)


def test_a_default_is_the_table_s():
    default = next(sweep.configs(INT4))
    assert default["ahead"] == defaults.ahead().bytes
    assert default["parts"] == parts_of("sym_int4", defaults.defaults().parts["bf16"])[0]
