"""A step that yields several tokens: every time of the record is divided by the same number."""

from dataclasses import replace

import msgspec
import pytest

from tests.stack import made
from truetpot.records.rungs import OperatorRow
from truetpot.records.stack import Role
from truetpot.records.trace import TraceRecord
from truetpot.report.terminal import Terminal
from truetpot.report.trace import draw_trace
from truetpot.stack.ranks import across
from truetpot.stack.yardstick import from_facts

TOKENS = 2.6
PERIOD_MS = (made.BUSY_US + made.PAUSE_US * len(made.STEP)) * 1e-3
O_BYTES = 5120 * 1280 * (1 + 4 / 64)
"""Of QwQ-32B at tp 4 in fp8_e4m3: 5120 rows of 40 / 4 heads of 128, a scale of 4 bytes for 64."""
BANDWIDTH, CEILING = 456e9, 400e9


@pytest.fixture
def yardstick():
    """Three layers of QwQ-32B on four B60, with what a record of `decode` adds: one kernel."""
    known = from_facts("qwq-32b", "arc-pro-b60", 4, "fp8_e4m3", "fp16", 1024, 1)
    ours = OperatorRow(
        op="linear", role="o", provider="triton", count=3, median_s=20e-6, ci_s=(20e-6, 20e-6),
        cv=0.0, share=1.0, share_of_ceiling=None, bytes=int(O_BYTES), case="",
    )  # fmt: skip
    return replace(
        known, model=replace(known.model, layers=made.LAYERS), ceiling_gb_s=CEILING / 1e9,
        operators=(ours,), layers_measured=made.LAYERS, step_ms=1.3,
    )  # fmt: skip


@pytest.fixture
def traced(analysed, write, yardstick):
    def of(tokens):
        (run,) = analysed(write(made.xpu().file()), yardstick=yardstick, tokens=tokens)
        return run

    return of


def role(run, name):
    (found,) = [row for row in run.roles if row.role == name]
    return found


def test_a_role_and_what_stands_beside_it(traced):
    """By hand: o takes 3 x 45 us a step, its bytes 3 x 15.3 us, our kernel 3 x 20 us."""
    row = role(traced(TOKENS), Role.O)
    assert row.ms == pytest.approx(3 * 45e-3 / 2.6)
    assert row.floor_ms == pytest.approx(3 * O_BYTES / BANDWIDTH * 1e3 / 2.6)
    assert row.ceiling_ms == pytest.approx(3 * O_BYTES / CEILING * 1e3 / 2.6)
    assert row.ours_ms == pytest.approx(3 * 20e-3 / 2.6)
    assert row.calls == 3
    (kernel,) = row.kernels
    assert (kernel.ms, kernel.calls) == (row.ms, 3)


def test_the_rung_and_the_totals(traced):
    run = traced(TOKENS)
    assert run.per == "token" and run.tokens == TOKENS
    assert run.stack.ms_per_token == pytest.approx(PERIOD_MS / 2.6)
    assert run.busy_ms == pytest.approx(made.BUSY_US * 1e-3 / 2.6)
    assert run.step_ms == pytest.approx(1.3 / 2.6)
    assert run.stack.launches == pytest.approx(len(made.STEP) / 2.6)


def test_no_ratio_depends_on_the_tokens(traced):
    """Nor does a verdict: a step's floor beside a token's time would be above it."""
    one, many = traced(1.0), traced(TOKENS)
    assert many.valid and one.floor_ms > many.busy_ms
    about_tokens = "give a record of --query-tokens"  # the yardstick's step takes one
    others = [f.id for f in many.findings if about_tokens not in f.evidence]
    assert len(many.findings) == len(others) + 1
    assert others == [f.id for f in one.findings]
    assert many.floor_ms / many.busy_ms == pytest.approx(one.floor_ms / one.busy_ms)
    assert many.step_ms / many.stack.ms_per_token == pytest.approx(
        one.step_ms / one.stack.ms_per_token
    )
    for a, b in zip(one.roles, many.roles, strict=True):
        assert (a.role, a.calls, a.share) == (b.role, b.calls, b.share)
        for name in ("floor_ms", "ceiling_ms", "ours_ms"):
            assert (getattr(a, name) is None) is (getattr(b, name) is None)
            if getattr(a, name) is not None:
                assert getattr(b, name) / b.ms == pytest.approx(getattr(a, name) / a.ms)
    assert [(a.what, a.ms / 2.6) for a in one.losses] == [
        (b.what, pytest.approx(b.ms)) for b in many.losses
    ]


def test_a_step_faster_than_its_bytes_is_found_at_any_number(analysed, write, yardstick):
    for tokens in (1.0, TOKENS):
        trace = made.Xpu()
        for _ in range(5):
            trace.step(scale=0.5)
        (run,) = analysed(write(trace.file()), yardstick=yardstick, tokens=tokens)
        assert "below-floor" in {one.id for one in run.findings} and not run.valid


def test_a_record_of_several_query_tokens_without_tokens_is_of_a_step(analysed, write, yardstick):
    drafts = replace(yardstick, query_tokens=4)
    path = write(made.xpu().file())
    (run,) = analysed(path, yardstick=drafts)
    assert (run.per, run.tokens) == ("step", 1) and "4 query tokens" in run.tokens_from
    assert run.step_ms == 1.3
    (run,) = analysed(path, yardstick=drafts, tokens=TOKENS)
    assert (run.per, run.step_ms) == ("token", pytest.approx(1.3 / 2.6))


def test_waiting_of_ranks_is_of_a_token(analysed, write):
    """By hand: 6 all-reduces a step, on rank 1 of 20 us and on rank 0 of 30."""
    from pathlib import Path

    from truetpot.stack.analyse import Given, analyse_ranks
    from truetpot.stack.trace import read_trace

    slow = tuple((n, 30.0 if n.startswith("oneccl") else us) for n, us in made.STEP)
    found = []
    for rank, kernels in enumerate((slow, made.STEP)):
        file = made.xpu(kernels=kernels).file(distributedInfo={"rank": rank, "world_size": 2})
        path = Path(write(file, f"rank{rank}.json"))
        found += analyse_ranks(read_trace(path), path, Given(tokens=TOKENS))
    waits = [run.stack.waiting_ms for run in across(found)]
    assert waits == [pytest.approx(6 * 10e-3 / 2.6), pytest.approx(0)]


@pytest.mark.parametrize("tokens", [1.0, TOKENS])
def test_the_columns_say_it(traced, tokens, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    record = TraceRecord(command="", yardstick="known", runs=[traced(tokens)])
    Terminal().show(*draw_trace(record))
    text = capsys.readouterr().out
    assert "ms a token" in text and "calls a step" in text and "floor ms" in text
    assert ("divided by these tokens" in text) is (tokens != 1)
    assert msgspec.json.decode(msgspec.json.encode(record), type=TraceRecord) == record
