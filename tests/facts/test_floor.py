"""Traffic and floors, by hand and against the rows of a table."""

from dataclasses import replace

import pytest

from truetpot.errors import UserError
from truetpot.facts.collectives import collectives
from truetpot.facts.floor import floor, floor_range
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload

QWQ = load_model("qwq-32b")
A770 = load_hardware("arc-a770")
B70 = load_hardware("arc-pro-b70")

LAYER = 7168 * 5120 + 5120 * 5120 + 55296 * 5120 + 5120 * 27648
LINEAR_WEIGHTS = 64 * LAYER + 152064 * 5120


def test_the_figure_of_the_readme() -> None:
    bound = floor(QWQ, A770, Workload(tp=4, format="fp8_e5m2", context=1024))
    assert round(LINEAR_WEIGHTS / 1e9, 2) == 31.98
    assert bound.weights_ms == pytest.approx(LINEAR_WEIGHTS / 4 / 560e9 * 1e3)
    assert bound.weights_ms == pytest.approx(14.28, abs=0.005)
    assert bound.scales_ms == 0
    assert bound.kv_ms == pytest.approx(1024 * 262144 / 4 / 560e9 * 1e3)
    assert bound.ms_per_token == bound.weights_ms + bound.scales_ms + bound.kv_ms
    # 68 stored bytes for 64 codes: what a kernel pays that reads the ones.
    stored = bound.weights_ms + bound.stored_constant_scales_ms
    assert stored == pytest.approx(15.17, abs=0.005)
    assert bound.fits


def test_sym_int4_scales_are_in_the_bound() -> None:
    bound = floor(QWQ, A770, Workload(tp=4, format="sym_int4", context=0))
    assert bound.scales_ms == pytest.approx(bound.weights_ms / 16)
    assert bound.ms_per_token == pytest.approx(LINEAR_WEIGHTS * 4.25 / 8 / 4 / 560e9 * 1e3)
    assert bound.stored_constant_scales_ms == 0


@pytest.mark.parametrize("tp", [1, 2, 4, 8])
def test_traffic_adds_up(tp: int) -> None:
    step = traffic(QWQ, Workload(tp=tp, format="sym_int4", context=1000, batch=3))
    assert step.weights * tp == LINEAR_WEIGHTS // 2
    assert step.scales * tp == LINEAR_WEIGHTS // 32
    assert step.kv * tp == 3 * 1000 * 262144
    assert step.kv_write * tp == 3 * 262144
    assert step.bound == step.weights + step.scales + step.kv
    assert step.norms == (64 * 2 * 5120 + 5120) * 2
    assert step.biases * tp == 64 * 7168 * 2


def test_a_batch_reads_weights_once_and_every_cache() -> None:
    one = traffic(QWQ, Workload(format="bf16", context=500))
    many = traffic(QWQ, Workload(format="bf16", context=500, batch=16))
    assert many.weights == one.weights
    assert many.kv == 16 * one.kv


def test_query_tokens_read_no_more_and_compute_and_append_as_many_times() -> None:
    one = traffic(QWQ, Workload(format="bf16", context=500, batch=3))
    four = traffic(QWQ, Workload(format="bf16", context=500, batch=3, query_tokens=4))
    assert (four.bound, four.batch, four.query_tokens) == (one.bound, 3, 4)
    assert four.operations == 4 * one.operations
    assert four.linear_operations == 2 * 12 * LINEAR_WEIGHTS
    assert (four.kv_write, four.embedding_rows) == (4 * one.kv_write, 4 * one.embedding_rows)
    with pytest.raises(UserError, match="query tokens = 0"):
        traffic(QWQ, Workload(format="bf16", context=500, query_tokens=0))


def test_the_floor_of_a_verify_step() -> None:
    keys = {"format": "sym_int4", "context": 4096, "tp": 4}
    one, four = (floor(QWQ, A770, Workload(query_tokens=n, **keys)) for n in (1, 4))  # type: ignore[arg-type]
    assert four.ms_per_token == one.ms_per_token  # the bytes bound, of the step
    (said,) = (
        set(four.assumptions)
        - set(one.assumptions)
        - {line for line in four.assumptions if "operations" in line or "Collectives" in line}
    )
    assert "4 query tokens of each sequence" in said
    assert "yields 1 to 4 tokens" in said
    # 16 sequences of 8 tokens are 128 rows of every linear
    rows = floor(QWQ, A770, Workload(format="sym_int4", context=1, batch=16, query_tokens=8))
    assert rows.operations_ms == pytest.approx(
        floor(QWQ, A770, Workload(format="sym_int4", context=1, batch=128)).operations_ms, rel=1e-3
    )
    experts = load_model("gpt-oss-20b")
    assert (
        traffic(experts, Workload(format="mxfp4", context=0, query_tokens=8)).idle_share
        == traffic(experts, Workload(format="mxfp4", context=0, batch=8)).idle_share
    )


def test_kv_format_and_lm_head_format() -> None:
    half = traffic(QWQ, Workload(format="sym_int4", context=500, kv_format="fp8_e5m2"))
    full = traffic(QWQ, Workload(format="sym_int4", context=500, lm_head_format="fp16"))
    assert full.kv == 2 * half.kv
    assert full.weights - half.weights == 152064 * 5120 * 3 // 2
    assert [row.format for row in full.linears] == ["sym_int4"] * 4 + ["fp16"]


def test_some_layers_only() -> None:
    step = traffic(QWQ, Workload(format="fp8_e5m2", context=10, layers=3))
    assert step.weights == 3 * LAYER + 152064 * 5120
    assert step.kv == 10 * 3 * 4096
    with pytest.raises(UserError, match="has 64"):
        traffic(QWQ, Workload(format="fp8_e5m2", context=10, layers=65))


@pytest.mark.parametrize(("context", "batch"), [(-1, 1), (10, 0)])
def test_no_such_step(context: int, batch: int) -> None:
    with pytest.raises(UserError, match="at least"):
        traffic(QWQ, Workload(format="bf16", context=context, batch=batch))


@pytest.mark.parametrize(
    ("tp", "format", "fits"),
    [(1, "sym_int4", False), (2, "sym_int4", True), (2, "fp8_e5m2", False), (4, "bf16", False)],
)
def test_fit(tp: int, format: str, fits: bool) -> None:
    bound = floor(QWQ, A770, Workload(tp=tp, format=format, context=1024))
    assert bound.fits is fits
    assert any("does not fit" in line for line in bound.assumptions) is not fits


def test_collectives_are_never_in_the_bound() -> None:
    one, four = (floor(QWQ, A770, Workload(tp=tp, format="fp8_e5m2", context=0)) for tp in (1, 4))
    assert one.collectives.ms == 0
    assert four.collectives.count == 129
    assert four.ms_per_token == pytest.approx(one.ms_per_token / 4)
    assert any("not part of the bound" in line for line in four.assumptions)


def test_collectives_on_the_measured_card() -> None:
    cost = collectives(QWQ, B70, tp=2)
    assert cost.low_ms is not None
    assert cost.high_ms is not None
    assert cost.low_ms == pytest.approx(129 * 0.017, abs=0.1)
    assert cost.high_ms == pytest.approx(129 * 0.056, abs=0.1)
    assert "borrowed" not in cost.explanation
    assert "borrowed for 4 x arc-a770" in collectives(QWQ, A770, tp=4).explanation


def test_collectives_without_a_link() -> None:
    for key in ("arc-b570", "h200"):
        cost = collectives(QWQ, load_hardware(key), tp=2)
        assert cost.ms is None
        assert "no estimate" in cost.explanation


def test_payload_over_the_link() -> None:
    small = collectives(QWQ, A770, tp=4)
    large = collectives(QWQ, A770, tp=4, batch=64)
    per_token = 128 * 2 * 0.75 * 5120 * 2 + 0.75 * 152064 * 2
    assert large.ms is not None
    assert small.ms is not None
    assert large.ms - small.ms == pytest.approx(63 * per_token / 31.5e9 * 1e3)


def test_a_cache_that_holds_much_of_the_model_is_said() -> None:
    tiny = load_model("qwen2.5-0.5b")
    largest = load_hardware("max-1550")
    lines = floor(tiny, largest, Workload(format="sym_int4", context=0)).assumptions
    assert any("408 MiB L2 could keep 100%" in line for line in lines)
    whole = floor(QWQ, A770, Workload(format="bf16", context=0))
    assert not any("L2" in line for line in whole.assumptions)


def test_range_is_the_mean_over_the_decoded_tokens() -> None:
    keys = {"tp": 4, "format": "fp8_e5m2"}
    got = floor_range(QWQ, A770, Workload(context=20, **keys), end=30)  # type: ignore[arg-type]
    # 10 tokens: the first from the prefill, 9 steps that read 20, 21, ..., 28 tokens.
    each = [floor(QWQ, A770, Workload(context=c, **keys)).ms_per_token for c in range(20, 29)]  # type: ignore[arg-type]
    assert got.steps == 9
    assert got.mean_ms_per_token == pytest.approx(sum(each) / 9)
    assert [c for c, _ in got.curve] == list(range(20, 29))
    assert [ms for _, ms in got.curve] == pytest.approx(each)


def test_range_of_a_long_request() -> None:
    got = floor_range(QWQ, A770, Workload(context=1024, tp=4, format="fp8_e5m2"), end=5120)
    assert got.steps == 4095
    assert (got.curve[0][0], got.curve[-1][0]) == (1024, 5118)
    assert got.mean_ms_per_token == pytest.approx(14.279 + 3071 * 262144 / 4 / 560e6, abs=1e-3)


def test_a_range_of_verify_steps_is_the_mean_of_a_step_over_contexts() -> None:
    # batch 16 and 8 query tokens: 128 rows, which operations bound
    keys = {"tp": 4, "format": "sym_int4", "batch": 16, "query_tokens": 8}
    got = floor_range(QWQ, A770, Workload(context=20, **keys), end=40)  # type: ignore[arg-type]
    # 19 tokens beside the first: the last step that can yield 8 of them finds 31 in the cache
    each = [floor(QWQ, A770, Workload(context=c, **keys)).ms_per_token for c in range(20, 32)]  # type: ignore[arg-type]
    assert (got.steps, got.last) == (12, 31)
    assert got.start.bound_by == "operations"
    assert got.mean_ms_per_token == pytest.approx(sum(each) / 12)
    assert [ms for _, ms in got.curve] == pytest.approx(each)
    with pytest.raises(
        UserError, match=r"generates 8 tokens, and .* needs 9; give an end at least"
    ):
        floor_range(QWQ, A770, Workload(context=20, **keys), end=28)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", [0, 1024, 1025])
def test_range_without_a_decoded_token(end: int) -> None:
    with pytest.raises(UserError, match="needs 2"):
        floor_range(QWQ, A770, Workload(context=1024, format="bf16"), end=end)
    shortest = floor_range(QWQ, A770, Workload(context=1024, format="bf16"), end=1026)
    assert shortest.steps == len(shortest.curve) == 1


def test_a_tp_or_format_that_does_not_fit() -> None:
    with pytest.raises(UserError, match="does not divide"):
        floor(QWQ, A770, Workload(tp=3, format="bf16", context=0))
    with pytest.raises(UserError, match="unknown weight format"):
        floor(QWQ, A770, Workload(format="int3", context=0))
    with pytest.raises(UserError, match="no multiple"):
        floor(replace(QWQ, hidden=5152), A770, Workload(format="sym_int4", context=0))


def test_a_latency_that_is_given_takes_the_place_of_the_published_one() -> None:
    model, card = load_model("qwq-32b"), load_hardware("arc-pro-b70")
    common = {"tp": 2, "format": "sym_int4", "context": 1024}
    published, given = (
        floor(model, card, Workload(**common), collective_us=us).collectives for us in (None, 20.0)
    )
    assert published.count == given.count == 129
    assert given.ms == given.low_ms == given.high_ms == pytest.approx(129 * 20e-3)
    assert published.low_ms < published.ms < published.high_ms
    assert "issues/54766" in published.explanation
    assert "as given" in given.explanation
    for us in (-1.0, float("nan"), float("inf")):
        for tp in (1, 4):
            with pytest.raises(UserError, match="no latency"):
                floor(model, card, Workload(**common | {"tp": tp}), collective_us=us)


def test_range_over_a_window_is_the_mean_over_the_decoded_tokens() -> None:
    model, keys = load_model("gemma-3-1b"), {"format": "bf16"}
    got = floor_range(model, B70, Workload(context=500, **keys), end=530)  # type: ignore[arg-type]
    each = [
        floor(model, B70, Workload(context=c, **keys)).ms_per_token  # type: ignore[arg-type]
        for c in range(500, 529)
    ]
    assert got.mean_ms_per_token == pytest.approx(sum(each) / 29)
