"""The larger of bytes over bandwidth and operations over rate, worked out by hand."""

import pytest

from truetpot.facts.floor import floor, floor_range
from truetpot.facts.hardware import all_hardware, load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.roofline import Limit, roofline
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload

QWQ = load_model("qwq-32b")
LINEAR_WEIGHTS = 64 * (7168 + 5120 + 55296 + 27648) * 5120 + 152064 * 5120
INT4_BYTES = 4.25 / 8
"""Of a weight with its share of the scale of 64."""


def test_the_larger_of_two_and_which_it_is() -> None:
    assert roofline(2.0, 1.0) == (2.0, Limit.BYTES)
    assert roofline(1.0, 2.0) == (2.0, Limit.OPERATIONS)
    assert roofline(1.0, None) == (1.0, Limit.BYTES)


@pytest.mark.parametrize(
    ("card", "rows"),
    # rows = 0.53125 B / bandwidth x rate / 2: 0.53125 / 4800e9 x 989.5e12 / 2 = 54.8
    [
        ("h200", 54.76),
        ("arc-pro-b60", 57.08),
        ("arc-a750", 61.01),
        ("arc-b580", 67.98),
        ("arc-pro-b70", 79.51),
        # 65.3 at the 2.1 GHz of the datasheet; cards run at 2.4 GHz
        ("arc-a770", 74.60),
    ],
)
def test_int4_weights_turn_compute_bound_at_so_many_rows(card: str, rows: float) -> None:
    below, above = (
        floor(QWQ, load_hardware(card), Workload(format="sym_int4", context=0, batch=batch))
        for batch in (int(rows), int(rows) + 1)
    )
    assert below.bound_by is Limit.BYTES
    assert below.ms_per_token == below.bytes_ms
    assert above.bound_by is Limit.OPERATIONS
    assert above.ms_per_token == above.operations_ms
    rate = load_hardware(card).tops("fp16")
    assert rate is not None
    by_hand = 2 * (int(rows) + 1) * LINEAR_WEIGHTS / (rate * 1e12) * 1e3
    assert above.operations_ms == pytest.approx(by_hand)


def test_operations_of_linears_and_attention_by_hand() -> None:
    step = traffic(QWQ, Workload(tp=4, format="bf16", context=1000, batch=3))
    assert step.linear_operations * 4 == 2 * 3 * LINEAR_WEIGHTS
    # q K^T and p V, a multiply-add each, of 40 heads of 128, in 64 layers
    assert step.attention_operations * 4 == 3 * 1000 * 64 * 40 * 128 * 4
    assert step.operations == step.linear_operations + step.attention_operations
    half = traffic(QWQ, Workload(tp=4, format="bf16", context=1000, batch=3, layers=32))
    head = 2 * 3 * 152064 * 5120 // 4
    assert half.linear_operations - head == (step.linear_operations - head) // 2
    assert half.attention_operations == step.attention_operations // 2


def test_a_mixture_of_experts_computes_with_the_experts_of_each_token() -> None:
    model = load_model("mixtral-8x7b")
    step = traffic(model, Workload(format="fp16", context=0, batch=5))
    layer = (4096 + 2 * 1024) * 4096 + 4096 * 4096 + 8 * 4096 + 2 * 3 * 4096 * 14336
    assert step.operations == 2 * 5 * (32 * layer + 32000 * 4096)


def test_the_estimate_of_a_mixture_of_experts_is_no_less_than_its_operations() -> None:
    model, card = load_model("mixtral-8x7b"), load_hardware("h200")
    few, many = (floor(model, card, Workload(format="fp16", context=0, batch=n)) for n in (2, 2000))
    assert few.estimate_ms == card.read_ms(few.traffic.estimate)
    assert many.estimate_ms == many.operations_ms == many.ms_per_token
    for found in (few, many):
        assert any(f"takes {found.estimate_ms:.3f} ms" in line for line in found.assumptions)


def test_a_deep_cache_keeps_a_batch_bound_by_bytes() -> None:
    # a cached token is 256 KiB and 5 x 256 Ki operations: 5 a byte, where the card does 206
    card = load_hardware("h200")
    shallow = floor(QWQ, card, Workload(format="sym_int4", context=0, batch=64))
    deep = floor(QWQ, card, Workload(format="sym_int4", context=4096, batch=64))
    assert (shallow.bound_by, deep.bound_by) == (Limit.OPERATIONS, Limit.BYTES)


def test_a_range_that_crosses_from_one_bound_to_the_other() -> None:
    keys = {"format": "sym_int4", "batch": 64}
    card = load_hardware("h200")
    got = floor_range(QWQ, card, Workload(context=0, **keys), end=3000)  # type: ignore[arg-type]
    each = [floor(QWQ, card, Workload(context=c, **keys)) for c in range(2999)]  # type: ignore[arg-type]
    assert {one.bound_by for one in each} == {*Limit}
    assert got.mean_ms_per_token == pytest.approx(sum(f.ms_per_token for f in each) / 2999)


def test_where_no_source_gives_a_rate_the_bytes_bound_and_it_is_said() -> None:
    card = load_hardware("max-1100")
    assert card.tops("int8") is None
    for dtype in ("fp32", "int8"):
        found = floor(QWQ, card, Workload(format="sym_int4", context=0, batch=999, dtype=dtype))
        assert found.operations_ms is None
        assert found.ms_per_token == found.bytes_ms
        assert any("the bytes alone bound" in line for line in found.assumptions)
    known = floor(QWQ, card, Workload(format="sym_int4", context=0))
    assert not any("the bytes alone bound" in line for line in known.assumptions)


def test_eight_bit_operands_are_never_slower_than_sixteen() -> None:
    for card in all_hardware().values():
        if card.int8_tops is not None and card.fp16_tflops is not None:
            assert card.int8_tops == pytest.approx(2 * card.fp16_tflops, rel=0.02)
        assert card.tops("bf16") == card.tops("fp16")


def test_a_rate_is_at_the_highest_clock_that_a_source_shows() -> None:
    # 32 cores x 2048 operations x 2.4 GHz
    assert load_hardware("arc-a770").tops("fp16") == pytest.approx(32 * 2048 * 2.4e-3, rel=1e-3)
    # 128 cores x 4096 x 1.6 GHz: the whole card, as its bandwidth is
    assert load_hardware("max-1550").tops("fp16") == pytest.approx(128 * 4096 * 1.6e-3, rel=1e-3)


def test_the_least_of_a_kernel() -> None:
    card = load_hardware("h200")
    n, k = 55296, 5120
    nbytes = INT4_BYTES * n * k
    assert card.least_ms(nbytes, 2 * n * k, "bf16") == card.read_ms(nbytes)
    assert card.least_ms(nbytes, 64 * 2 * n * k, "bf16") == pytest.approx(
        128 * n * k / 989.5e12 * 1e3
    )
