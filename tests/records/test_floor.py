"""The records of floors, made from them."""

import pytest

from tests.records.kept import exact, load, written
from truetpot.facts.floor import floor, floor_range
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.published import comparisons
from truetpot.facts.workload import Workload
from truetpot.records.floor import FloorRecord
from truetpot.records.published import PublishedRecord

QWQ = load_model("qwq-32b")
A770 = load_hardware("arc-a770")
LINEAR_WEIGHTS = 64 * (7168 + 5120 + 55296 + 27648) * 5120 + 152064 * 5120
OPERATIONS = ("dtype", "operations", "tflops", "operations_ms", "bound_by")


def before(record: dict[str, object]) -> dict[str, object]:
    """Without what came with the bound of operations, and without the sentence on it."""
    lines = [line for line in record["assumptions"] if "dense operations" not in line]  # type: ignore[attr-defined]
    return {n: v for n, v in record.items() if n not in OPERATIONS} | {"assumptions": lines}


def test_the_table_adds_up_to_the_terms() -> None:
    record = FloorRecord.of(floor(QWQ, A770, Workload(tp=4, format="sym_int4", context=0)), "")
    assert sum(row.ms for row in record.linears) == pytest.approx(record.ms_per_token)
    for row in record.linears:
        assert row.weight_bytes == row.n * row.k // 2


def test_a_floor_is_the_one_of_before() -> None:
    old = load("floor-tp4")
    bound = floor(QWQ, A770, Workload(tp=4, format="fp8_e5m2", context=1024))
    new = written(FloorRecord.of(bound, old["command"]))
    exact(new, FloorRecord)
    assert before(new) == before(old)
    assert new["operations"] == 2 * LINEAR_WEIGHTS // 4 + 4 * 1024 * 64 * 5120 // 4
    assert new["tflops"] == pytest.approx(137.6 * 1.143)
    assert new["bound_by"] == "bytes"
    assert "steps" not in new


def test_a_mixture_of_experts_has_an_estimate_beside_its_bound() -> None:
    bound = floor(
        load_model("mixtral-8x7b"), A770, Workload(tp=4, format="fp16", context=0, batch=2)
    )
    record = written(FloorRecord.of(bound, ""))
    exact(record, FloorRecord)
    expert = 2 * 3 * 4096 * 14336 / 4 / 560e6
    more = 32 * (8 * (1 - 0.75**2) - 2) * expert
    assert record["estimate_ms_per_token"] - record["ms_per_token"] == pytest.approx(more)
    assert sum(row["ms"] for row in record["linears"]) == pytest.approx(record["ms_per_token"])


def test_a_range_starts_with_the_floor_of_its_start() -> None:
    old = load("floor-range")
    given = {"format": "sym_int4"}
    span = floor_range(QWQ, A770, Workload(context=1024, **given), end=5120)
    record = FloorRecord.of(span.start, old["command"], span)
    new, mean = before(written(record)), pytest.approx(old["mean_ms_per_token"])
    assert new == before(old) | {"mean_ms_per_token": mean}
    assert record.ms_per_token == floor(QWQ, A770, Workload(context=1024, **given)).ms_per_token
    assert record.mean_ms_per_token > record.ms_per_token


def test_published_figures_are_those_of_before() -> None:
    old = load("published")
    new = written(PublishedRecord.of(comparisons(), old["command"]))
    exact(new, PublishedRecord)
    known = {row["id"]: row for row in new["figures"]}
    assert [known[row["id"]].keys() for row in old["figures"]] == [
        row.keys() for row in old["figures"]
    ]
