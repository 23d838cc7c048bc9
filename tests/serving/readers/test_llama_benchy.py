"""llama-benchy's JSON: speeds of requests, whose inverses are times per token."""

import pytest

from tests.serving.readers.files import figures, read_bytes, read_json
from tests.serving.readers.llama_benchy_files import (
    ONE_USER,
    USERS,
    entry,
    metric,
    report,
    shared,
)
from truetpot.errors import UserError
from truetpot.serving.check import check_run
from truetpot.serving.records import Metric
from truetpot.serving.verdict import judge


def test_one_user(tmp_path):
    """40, 50 and 40 tokens/s: 25, 20 and 25 ms."""
    (run,) = read_json(tmp_path, report(entry()))
    assert (run.tool, run.variant, run.place) == ("llama-benchy", "tg32 (c1)", "")
    found = figures(run)
    assert found[Metric.TPOT, "mean"] == pytest.approx((25 + 20 + 25) / 3e3)
    assert (found[Metric.TPOT, "median"], found[Metric.TPOT, "min"]) == (0.025, 0.020)
    assert found[Metric.TPOT, "max"] == 0.025
    assert found[Metric.TPOT, "std"] == pytest.approx((50 / 9) ** 0.5 / 1e3)
    assert found[Metric.TTFT, "mean"] == pytest.approx(2.110)
    assert run.definitions[Metric.TPOT].canonical == "tpot_per_request"
    assert run.totals.completed == 3 and run.totals.output_tokens_per_s is None
    setting = run.setting
    assert (setting.model, setting.tool_version) == ("Qwen/QwQ-32B", "0.3.5")
    assert (setting.input_tokens, setting.output_tokens) == (2048, 32)
    assert judge(check_run(run)).batch.value == 1.0


def test_two_users(tmp_path):
    """The speeds are of each, the throughput of both: 64/s x 25 ms are 1.6 at once."""
    runs = read_json(tmp_path, report(entry(), shared(), prefix_caching_enabled=True))
    assert [run.place for run in runs] == ["benchmarks[0]", "benchmarks[1]"]
    run = runs[1]
    assert run.variant == "tg32 @ d4096 (c2)"
    assert run.figure(Metric.TPOT, "mean") == 0.025
    assert run.totals.output_tokens_per_s == 64.0
    assert (run.setting.max_concurrency, run.setting.input_tokens) == (2, 4096 + 2048)
    assert run.notes == ("4,096 tokens of context were in the server's cache.",)
    judged = judge(check_run(run))
    assert judged.batch.value == pytest.approx(1.6)
    assert judged.context.value == 6144 + 15  # The mean of 0 to 30 tokens before a step.


def test_a_context_that_is_loaded(tmp_path):
    (run,) = read_json(
        tmp_path, report(entry(is_context_prefill_phase=True, context_size=4096), max_concurrency=1)
    )
    assert run.variant == "ctx_tg @ d4096 (c1)"
    assert run.setting.input_tokens == 4096 and run.notes == ()


def test_prompts_are_left_out(tmp_path):
    prompt = entry(tg_throughput=None)
    assert len(read_json(tmp_path, report(prompt, entry()))) == 1
    with pytest.raises(UserError, match="no speed of generation"):
        read_json(tmp_path, report(prompt))


def test_two_users_of_an_older_version(tmp_path):
    """Before there were speeds of each: the throughput of both is no speed of one."""
    old = shared()
    del old["tg_req_throughput"]
    (run,) = read_json(tmp_path, report(old))
    assert run.figure(Metric.TPOT, "mean") is None
    assert run.totals.output_tokens_per_s == 64.0


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_speed_that_is_none(tmp_path, speed):
    (run,) = read_json(tmp_path, report(entry(tg_throughput=metric(speed, 40.0))))
    assert run.figure(Metric.TPOT, "mean") == 0.025


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tg_throughput": {"values": ["x"]}}, "tg_throughput"),
        ({"concurrency": 1.5}, "concurrency"),
        ({"e2e_ttft": [1]}, "e2e_ttft"),
        ({"context_size": 2**63}, "context_size"),
    ],
)
def test_broken(tmp_path, change, words):
    with pytest.raises(UserError, match=words):
        read_json(tmp_path, report(entry(**change)))


def test_context_beyond_64_bits(tmp_path):
    """Each fits, the sum does not."""
    (run,) = read_json(tmp_path, report(entry(context_size=2**63 - 1)))
    assert run.setting.input_tokens is None


def test_the_table(tmp_path):
    """40 and 32 t/s: 25 and 31.25 ms, behind 2,048 and 6,144 tokens."""
    flat, deep = read_bytes(tmp_path, ONE_USER.encode())
    assert (flat.variant, deep.variant) == ("tg32", "tg32 @ d4096")
    assert figures(flat) == {(Metric.TPOT, "mean"): 0.025, (Metric.TTFT, "mean"): 2.110}
    assert figures(deep) == {(Metric.TPOT, "mean"): 0.03125, (Metric.TTFT, "mean"): 6.110}
    setting = deep.setting
    assert setting.model == "Qwen/QwQ-32B"
    assert (setting.input_tokens, setting.output_tokens) == (6144, 32)
    judged = judge(check_run(deep))
    assert judged.batch.value == 1.0 and judged.context.value == 6144 + 15


def test_the_table_of_two_users(tmp_path):
    """Each has 40 t/s while it decodes, both together 64: 1.6 at once."""
    (run,) = read_bytes(tmp_path, USERS.encode())
    assert run.figure(Metric.TPOT, "mean") == 0.025
    assert run.totals.output_tokens_per_s == 64.0
    assert judge(check_run(run)).batch.value == pytest.approx(1.6)
    (run,) = read_bytes(tmp_path, USERS.replace(" 40.00 \xb1 0.10 ", "              ").encode())
    assert run.figure(Metric.TPOT, "mean") is None


@pytest.mark.parametrize(
    ("old", "new", "words"), [("tg32", "pp64", "no row of generated"), ("tg32", "xx32", "expected")]
)
def test_a_broken_table(tmp_path, old, new, words):
    with pytest.raises(UserError, match=words):
        read_bytes(tmp_path, ONE_USER.replace(old, new).encode())
