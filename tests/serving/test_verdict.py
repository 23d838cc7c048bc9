"""Serving figures held against floors and ladders: the verdicts, and what they rest on."""

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from tests.records.kept import KEPT, exact, load, written
from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.hardware import load_hardware
from truetpot.facts.models import load_model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload
from truetpot.records.check import CheckedRun
from truetpot.records.verdicts import Verdict
from truetpot.report.serving import draw_standing
from truetpot.serving.check import check_run
from truetpot.serving.chosen import Flags
from truetpot.serving.findings import Evidence
from truetpot.serving.measured import read_measured
from truetpot.serving.metrics import recompute
from truetpot.serving.records import (
    Counting,
    Definition,
    Drafts,
    Figure,
    Gaps,
    Metric,
    Requests,
    Run,
    Setting,
    Totals,
)
from truetpot.serving.verdict import judge
from truetpot.serving.yardstick import from_facts, from_run

TPOT = Definition(
    Metric.TPOT, "TPOT", "tpot_per_request", "(latency - ttft) / (n - 1)", Counting.SERVER,
    "last token", "per request", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def arc():
    return from_facts(load_model("qwq-32b"), load_hardware("arc-a770"), 4, "fp8_e5m2")


def served(tau: float, tokens: int = 512, at_once: int = 1, prompt: int = 1024, **setting) -> Run:
    """Requests of the same length, ``at_once`` of them side by side all the time."""
    count, ttft = 4 * at_once, 0.5
    latency = ttft + (tokens - 1) * tau
    times, ones = np.full(count, latency), np.ones(count, dtype=np.int64)
    gaps = Gaps(np.full(count * (tokens - 1), tau), np.arange(count + 1) * (tokens - 1))
    rows = Requests(
        prompt * ones, {Counting.SERVER: tokens * ones}, Counting.SERVER, np.full(count, ttft),
        times, False, np.ones(count, dtype=bool), gaps=gaps,
    )  # fmt: skip
    duration = 4 * latency
    totals = Totals(
        duration, count, count, 0, count * prompt, {Counting.SERVER: count * tokens},
        count / duration, count * tokens / duration,
    )  # fmt: skip
    return Run(
        "vllm", "made", "", {Metric.TPOT: TPOT}, (Figure(Metric.TPOT, "mean", tau, "tpot", "s"),),
        totals, Setting(max_concurrency=at_once, **setting), rows,
    )  # fmt: skip


def test_a_sane_run_on_known_hardware(arc):
    found = judge(check_run(served(0.030), yardstick=arc))
    assert found.verdict is Verdict.BELIEVABLE
    assert found.reported_s == 0.030
    # 31.98e9 bytes and the cache of 1024 + 255 tokens, over four cards of 560 GB/s
    cache = (1024 + 255) * 64 * 2 * 8 * 128 * 2
    assert found.floor_s == pytest.approx((31.98e9 + cache) / 4 / 560e9, rel=2e-3)
    assert found.over_floor == pytest.approx(0.030 / found.floor_s)


def test_a_file_without_means_is_judged_by_its_median(arc):
    """As guidellm prints one."""
    run = served(0.030)
    median = (Figure(Metric.TPOT, "median", 0.029, "tpot", "s"),)
    bare = replace(run, requests=None, totals=Totals(), figures=median)
    found = judge(check_run(bare, yardstick=arc))
    assert (found.verdict, found.reported_s) == (Verdict.BELIEVABLE, 0.029)
    assert "median" in found.reported_from
    with_first = replace(TPOT, canonical="tpot_with_first")
    bare = replace(bare, definitions={Metric.TPOT: with_first})
    assert judge(check_run(bare, yardstick=arc)).verdict is Verdict.UNDECIDABLE


def test_below_the_floor_is_impossible(arc):
    found = judge(check_run(served(0.010), yardstick=arc))
    assert found.verdict is Verdict.IMPOSSIBLE
    assert "14." in found.why


def test_without_a_yardstick_nothing_can_be_said():
    found = judge(check_run(served(0.030)))
    assert found.verdict is Verdict.UNDECIDABLE
    assert "--model" in found.why
    assert found.floor_s is None


def test_speculation_is_not_comparable(arc):
    found = judge(check_run(served(0.008, tokens_per_step=2.5), yardstick=arc))
    assert found.verdict is Verdict.NOT_COMPARABLE


@pytest.mark.parametrize("at_once", [1, 3, 16])
def test_the_batch_by_littles_law(arc, at_once):
    run = served(0.040, at_once=at_once)
    batch = Evidence(run, recompute(run), yardstick=arc).batch
    decoding = 511 * 0.040
    assert batch.value == pytest.approx(max(1.0, at_once * decoding / (decoding + 0.5)))
    assert "Little" in batch.source


def test_the_batch_without_rows(arc):
    run = served(0.040, at_once=8)
    bare = replace(run, requests=None)
    batch = Evidence(bare, recompute(bare), yardstick=arc).batch
    assert batch.value == pytest.approx(8 * 511 * 0.04 / (511 * 0.04 + 0.5))
    assert "mean interval" in batch.source
    nothing = replace(bare, totals=Totals(), setting=Setting())
    assert Evidence(nothing, recompute(nothing), yardstick=arc).batch.assumed


def test_the_founding_case(arc):
    """4,096 tokens decoded at 29.95 ms, five of them visible, the interval divided by four."""
    tokens, visible, tau = 4096, 5, 0.02995
    run = served(tau, tokens)
    reported = (tokens - 1) * tau / (visible - 1)
    rows = run.requests
    shown = {Counting.RETOKENISED: np.full(len(rows), visible)}
    run = replace(
        run,
        definitions={Metric.TPOT: replace(TPOT, counting=Counting.RETOKENISED)},
        figures=(Figure(Metric.TPOT, "mean", reported, "mean_tpot_ms", "ms"),),
        requests=replace(rows, output_tokens=shown, counting=Counting.RETOKENISED),
        totals=replace(run.totals, output_tokens={Counting.RETOKENISED: visible * len(rows)}),
    )
    checked = check_run(run, yardstick=arc, requested_output_tokens=tokens)
    assert checked.findings[0].id == "visible-token-denominator"
    assert [row.n for row in checked.visible if row.standing == "open"] == [visible]
    found = judge(checked)
    assert found.verdict is Verdict.INFLATED
    assert found.factor == pytest.approx((tokens - 1) / (visible - 1), rel=1e-3)
    assert 2000 < found.over_floor < 2200
    exact(written(checked.record(found.record())), CheckedRun)


def record(tmp_path, name="NVIDIA H200", batch=1, memory=150_754_820_096):
    file = tmp_path / "ladder.json"
    made = load("decode") | {
        "model": "qwq-32b", "format": "sym_int4", "kv_format": "bf16", "context": 1024,
        "batch": batch, "tp": 1,
    }  # fmt: skip
    made["rungs"] |= {
        "ceiling": {"ms_per_token": 4.0}, "kernels": {"ms_per_token": 7.7},
        "step": {"ms_per_token": 7.6},
    }  # fmt: skip
    made["environment"]["device"] = {"name": name, "memory_bytes": memory}
    file.write_text(json.dumps(made))
    return file


def test_a_measured_ladder(tmp_path):
    ladder = read_measured(record(tmp_path)).yardstick()
    assert ladder.step_s(1024, 1) == pytest.approx(0.0076)
    assert ladder.step_s(5120, 1) > 0.0076
    found = judge(check_run(served(0.0085, tokens=64), yardstick=ladder))
    assert found.verdict is Verdict.BELIEVABLE
    assert found.over_step == pytest.approx(0.0085 / found.step_s)
    assert 1.0 < found.over_step < 0.0085 / 0.0076
    assert "what serving adds" in found.why
    faster = judge(check_run(served(0.006, tokens=64), yardstick=ladder))
    assert faster.verdict is Verdict.BELIEVABLE and faster.over_step < 0.95
    assert "a faster card or better kernels than those of the ladder" in faster.why


def test_a_measured_ceiling_is_no_hard_bound(tmp_path):
    """Of a device without a datasheet: a busy one reads slower than the one that served."""
    ladder = read_measured(record(tmp_path, name="Nobody's Card")).yardstick()
    found = judge(check_run(served(0.003, tokens=64), yardstick=ladder))
    assert found.verdict is Verdict.UNDECIDABLE and "no hard bound" in found.why
    arc = read_measured(record(tmp_path)).yardstick()
    assert judge(check_run(served(0.001, tokens=64), yardstick=arc)).verdict is Verdict.IMPOSSIBLE


def test_a_ladder_of_another_model_is_refused(tmp_path):
    ladder = read_measured(record(tmp_path))
    run = served(0.012)
    other = replace(run, setting=replace(run.setting, model="Qwen/Qwen2.5-0.5B-Instruct"))
    with pytest.raises(UserError, match=r"the run is of qwen2\.5-0\.5b; give"):
        ladder.yardstick_of(other)
    same = replace(run, setting=replace(run.setting, model="org/qwq-32b"))
    assert ladder.yardstick_of(same).what.startswith("qwq-32b")
    assert "although" not in ladder.yardstick_of(same).what


def test_a_ladder_beside_a_model_that_is_not_known_says_so(tmp_path):
    run = served(0.012)
    unknown = replace(run, setting=replace(run.setting, model="org/Nobodys-27B-int4"))
    yardstick = read_measured(record(tmp_path)).yardstick_of(unknown)
    assert "although the file names org/Nobodys-27B-int4, not known here" in yardstick.what
    assert yardstick.devices == "", "the ladder's card is not that of the file's model"


def drafting(run, k=3.0, gave=2.4):
    """The same run, of whose file 1,000 steps verified ``k`` draft tokens each."""
    drafts = Drafts("drafts", 1000, round(1000 * k), round(1000 * (gave - 1)), (gave - 1) / k)
    return replace(run, setting=replace(run.setting, tokens_per_step=gave), drafts=drafts)


def verify_steps(tmp_path, query_tokens, **given):
    file = record(tmp_path, **given)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"query_tokens": query_tokens}))
    return file


def test_the_floor_of_a_run_that_drafts_has_the_operations_of_its_query_tokens():
    run, flags = served(0.01, tokens=64, at_once=64), Flags("qwq-32b", "h200", 1, "sym_int4")
    plain, _ = from_run(run, flags)
    four, _ = from_run(drafting(run), flags)
    assert (plain.query_tokens, four.query_tokens) == (1, 4)
    weights = 64 * 5120 * (7168 + 5120 + 2 * 27648 + 27648) + 5120 * 152064
    cached, rate = 64 * 512, load_hardware("h200").tops("int8") * 1e12
    # 64 sequences of 4 rows; q K^T and p V of 40 heads of 128 in 64 layers, for each of 4 tokens
    operations = 2 * 256 * weights + 4 * 4 * cached * 64 * 40 * 128
    assert four.floor_s(512, 64) == pytest.approx(operations / rate)
    read = (weights * 4.25 / 8 + cached * 64 * 2 * 8 * 128 * 2) / 4.8e12
    assert plain.floor_s(512, 64) == pytest.approx(read)
    assert four.floor_s(512, 64) < read * 4
    # one sequence reads no more for its draft, and computes less long than it reads
    assert four.floor_s(512, 1) == plain.floor_s(512, 1) == four.plain_floor_s(512, 1)
    assert "operations of 4 query tokens" in four.floor_from
    checked = check_run(drafting(run), yardstick=four)
    found, context = judge(checked), checked.evidence.context.value
    assert found.floor_s == pytest.approx(four.floor_s(context, found.batch.value) / 2.4)


def test_a_ladder_of_verify_steps_is_for_runs_with_as_many_query_tokens(tmp_path):
    measured = read_measured(verify_steps(tmp_path, 4))
    run = drafting(served(0.0085, tokens=64))
    ladder = measured.yardstick_of(run)
    assert ladder.step_s(1024, 1) == pytest.approx(0.0076)
    assert "batch 1, 4 query tokens" in ladder.step_from and "carried" not in ladder.step_from
    found = judge(check_run(run, yardstick=ladder))
    # of a token, as the reported time and the floor are: a step gave 2.4 of them
    at = found.context.value
    assert found.step_s == pytest.approx(ladder.step_s(at, 1) / 2.4)
    assert found.over_step == pytest.approx(0.0085 / found.step_s)
    for other, states in (
        (drafting(served(0.0085), k=2), "2 draft"), (drafting(served(0.0085), k=2.6), "2.6 draft"),
        (served(0.0085), "no draft"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=f"with 4 query tokens, and the run states {states}"):
            measured.yardstick_of(other)


def test_a_ladder_of_plain_steps_is_carried_to_a_verify_step_by_the_floor(tmp_path):
    measured = read_measured(record(tmp_path, batch=64))
    one = measured.yardstick_of(served(0.02))
    four = measured.yardstick_of(drafting(served(0.02)))
    assert one.step_s(1024, 64) == pytest.approx(0.0076)
    weights = 64 * 5120 * (7168 + 5120 + 2 * 27648 + 27648) + 5120 * 152064
    cached, rate = 64 * 1024, load_hardware("h200").tops("bf16") * 1e12
    read = (weights * 4.25 / 8 + cached * 64 * 2 * 8 * 128 * 2) / 4.8e12
    operations = (2 * 256 * weights + 4 * 4 * cached * 64 * 40 * 128) / rate
    assert four.step_s(1024, 64) == pytest.approx(0.0076 * operations / read)
    assert "carried to 4 by the floor" in four.step_from


def test_a_ladder_of_another_batch_is_not_comparable(tmp_path):
    run = served(0.012, at_once=8)
    found = judge(check_run(run, yardstick=read_measured(record(tmp_path)).yardstick()))
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert "at once" in found.why


def test_a_sweep_is_a_ladder_at_each_of_its_points(tmp_path):
    """The nearest batch decides, then the nearest context; what was not finished is left out."""
    made, points = load("sweep"), []
    for batch, context, ms, status in (
        (1, 1024, 7.6, "ok"), (8, 1024, 9.0, "ok"), (8, 8192, 14.0, "ok"), (32, 0, 1.0, "partial"),
    ):  # fmt: skip
        one = json.loads(record(tmp_path, batch=batch).read_text()) | {"context": context}
        one["rungs"] = one["rungs"] | {"step": {"ms_per_token": ms}}
        points.append({"context": context, "batch": batch, "status": status, "reason": "",
                       "record": one})  # fmt: skip
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps(made | {"points": points}))
    ladder = read_measured(file).yardstick()
    assert ladder.step_batches == (1, 8)
    for batch, context, ms in ((1, 1024, 7.6), (8, 1024, 9.0), (8, 8192, 14.0)):
        assert ladder.step_s(context, batch) == pytest.approx(ms * 1e-3)
    single = read_measured(record(tmp_path)).yardstick()
    assert ladder.floor_s(4096, 8) == single.floor_s(4096, 8)
    weights = 17 / 32 * (64 * (7168 + 5120 + 55296 + 27648) * 5120 + 152064 * 5120)
    more = (weights + 7 * 2048 * 262144) / (weights + 8 * 1024 * 262144)
    assert ladder.step_s(2048, 7) == pytest.approx(0.009 * more), "from batch 8, context 1024"
    checked = check_run(served(0.012, at_once=8), yardstick=ladder)
    found = judge(checked)
    assert found.verdict is Verdict.BELIEVABLE
    console = Console(width=200, file=StringIO())
    console.print(draw_standing(found, checked))
    shown = " ".join(console.file.getvalue().split())
    taken = "9.00 ms measured at context 1024, batch 8 (sweep.json), the nearest of its sweep"
    assert taken in shown
    assert found.record().step_from == taken
    alone = judge(check_run(served(0.012), yardstick=single)).record().step_from
    assert alone == single.step_from
    assert judge(check_run(served(0.012))).record().step_from is None
    assert ladder.step_nearest(2048, 7).startswith("9.00 ms measured at context 1024, batch 8 ")
    far = judge(check_run(served(0.05, at_once=64), yardstick=ladder))
    assert far.verdict is Verdict.NOT_COMPARABLE
    assert "the ladder's step 8" in far.why
    file.write_text(json.dumps(made | {"points": points[3:]}))
    with pytest.raises(UserError, match="No point of"):
        read_measured(file)


def test_a_device_without_a_datasheet_has_its_ceiling_for_a_floor(tmp_path):
    ladder = read_measured(record(tmp_path, name="AMD EPYC", memory=None)).yardstick()
    assert ladder.floor_s(1024, 1) == pytest.approx(0.004)
    assert "measured" in ladder.floor_from


def test_a_measured_step_is_carried_to_where_operations_bound(tmp_path):
    """By the rate of its own activations; the floor allows those of 8 bits."""
    ladder = read_measured(record(tmp_path)).yardstick()
    model, card = load_model("qwq-32b"), load_hardware("h200")
    at = {"format": "sym_int4", "kv_format": "bf16", "dtype": "bf16"}
    one = floor(model, card, Workload(context=1024, **at)).ms_per_token
    many = floor(model, card, Workload(context=0, batch=100, **at))
    assert many.bound_by == "operations"
    assert ladder.step_s(0, 100) == pytest.approx(0.0076 * many.ms_per_token / one)
    assert ladder.floor_s(0, 100) == pytest.approx(many.bytes_ms * 1e-3)


def test_a_measured_rate_bounds_where_no_datasheet_is_known(tmp_path):
    file = record(tmp_path, name="AMD EPYC", memory=None)
    kept = json.loads(file.read_text())
    kept["ceiling"]["gemm"] = {"name": "torch.matmul", "tflops": 20.0, "swept_tflops": {}}
    file.write_text(json.dumps(kept))
    ladder = read_measured(file).yardstick()
    operations = traffic(
        load_model("qwq-32b"), Workload(format="sym_int4", context=0, batch=64)
    ).operations
    assert ladder.floor_s(0, 64) == pytest.approx(operations / 20e12)
    assert ladder.floor_s(1024, 1) == pytest.approx(0.004)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"model": "qwq-32b"}'])
def test_what_is_no_ladder(tmp_path, text):
    file = tmp_path / "ladder.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"truetpot decode --json|not JSON"):
        read_measured(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_measured(tmp_path / "absent.json")


def test_a_ladder_that_was_interrupted_early():
    with pytest.raises(UserError, match="interrupted before its kernels were timed"):
        read_measured(KEPT / "decode-early.json")


def test_a_ladder_that_is_not_valid_is_no_yardstick(tmp_path):
    file = record(tmp_path)
    made = json.loads(file.read_text())
    file.write_text(json.dumps(made | {"valid": False, "warnings": ["triton linear is wrong"]}))
    with pytest.raises(UserError, match=r"not valid \(triton linear is wrong\); give a record"):
        read_measured(file)
