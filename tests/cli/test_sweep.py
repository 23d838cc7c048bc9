"""``truetpot decode`` over several points: one set of weights, one record, nothing lost."""

import json

import pytest

from tests.records.kept import exact
from truetpot.ladder.sweep import mean_context
from truetpot.records.sweep import RequestRow, SweepRecord
from truetpot.runs import decode
from truetpot.runtime.cpu import CpuDevice

QUICK = ["--seconds", 0.1, "--provider", "torch", "--layers", 1]


@pytest.fixture
def sweep(cli, model, tmp_path):
    """``sweep(...)``: the command on the tiny model, and its record, checked field by field."""
    file = tmp_path / "sweep.json"

    def call(*args):
        done = cli("decode", "--model", model, *QUICK, "--json", file, *args)
        record = json.loads(file.read_text())
        exact(record, SweepRecord)
        return done, record

    return call


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


def where(record):
    return [(point["batch"], point["context"], point["status"]) for point in record["points"]]


def test_a_sweep_that_is_interrupted_goes_on_with_what_it_lacks(sweep, cli, model, monkeypatch):
    points = ["--context", "0,40", "--batch", "1,2", "--request", "10+22"]
    whole, calls = decode.time_step, []

    def second_is_interrupted(*args, **kwargs):
        calls.append(1)
        return (whole if len(calls) == 1 else interrupt)(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(decode, "time_step", second_is_interrupted)
        done, before = sweep(*points)
    assert done.code == 130
    assert "the same command with --resume goes on." in " ".join(done.out.split())
    assert before["partial"]
    assert where(before) == [
        (1, 0, "ok"), (1, 40, "partial"), (2, 0, "not_run"), (2, 40, "not_run"),
    ]  # fmt: skip
    assert before["points"][0]["record"]["finished"]
    assert before["points"][1]["reason"] == "interrupted during timing"

    fewer = cli(
        "decode", "--model", model, *QUICK, "--context", "40,80", "--resume",
        "--json", model.parent / "sweep.json",
    )  # fmt: skip
    assert fewer.code == 2
    assert "would be lost (batch 1 at context 0)" in fewer.sentence

    done, after = sweep(*points, "--resume")
    assert done.code == 0, done.err
    assert "* extrapolated from these layers" in done.out, "also from layers that were asked for"
    assert not after["partial"]
    assert where(after) == [(b, c, "ok") for b in (1, 2) for c in (0, 40)]
    assert after["points"][0] == before["points"][0], "what was finished is kept"
    for point in after["points"]:
        assert point["record"]["layers_measured"] == 1
        assert (point["record"]["context"], point["record"]["batch"]) == (
            point["context"], point["batch"],
        )  # fmt: skip
    # three points in this process: the first makes every parameter, the others take them over
    assert after["weights_made"] > 0
    assert after["weights_shared"] == 2 * after["weights_made"]

    steps = {row["batch"]: row for row in after["fits"] if row["rung"] == "step"}
    for batch, row in steps.items():
        none, all_ = (
            point["record"]["rungs"]["step"]["ms_per_token"]
            for point in after["points"]
            if point["batch"] == batch
        )
        assert row["base_ms"] == pytest.approx(none)
        assert row["us_per_token"] == pytest.approx((all_ - none) / 40 * 1e3)
        middle = mean_context(RequestRow(prompt=10, output=22))
        assert row["mean_ms"] == pytest.approx(none + (all_ - none) * middle / 40)
        assert not row["extrapolated"]
    assert "21 steps of a request of 10 tokens in and 22 out" in " ".join(done.out.split())
    assert "leaves no residual" in done.out
    assert "measured 1 of 3 layers, extrapolated" in done.out

    refused = cli(
        "decode", "--model", model, *QUICK, *points, "--seed", 7, "--resume",
        "--json", model.parent / "sweep.json",
    )  # fmt: skip
    assert refused.code == 2
    assert "another seed (0, now 7)" in refused.err


def test_a_sweep_of_verify_steps(sweep, cli, model):
    asked = ("--context", "0,40", "--batch", 2, "--request", "10+22", "--query-tokens", 4)
    done, record = sweep(*asked)
    assert done.code == 0, done.err
    assert record["query_tokens"] == 4
    assert where(record) == [(2, 0, "ok"), (2, 40, "ok")]
    assert {point["record"]["query_tokens"] for point in record["points"]} == {4}
    (row,) = [row for row in record["fits"] if row["rung"] == "step"]
    # 21 tokens beside the first: the last step that can yield four of them finds 10 + 17
    assert row["mean_ms"] == pytest.approx(row["base_ms"] + row["us_per_token"] * 1e-3 * 18.5)
    said = " ".join(done.out.split())
    assert "batches 2, 4 query tokens" in said
    assert "ms a step" in said and "ms a token" not in said
    assert "over contexts to 27; a step yields 1 to 4 tokens a sequence" in said
    file = model.parent / "sweep.json"
    of_one = cli("decode", "--model", model, *QUICK, *asked[:-2], "--resume", "--json", file)
    assert of_one.code == 2
    assert "another query_tokens (4, now 1)" in of_one.sentence


def test_a_point_that_does_not_fit_says_why_and_the_others_run(sweep, monkeypatch):
    monkeypatch.setattr(CpuDevice, "free_bytes", lambda self: 4 << 30)
    done, record = sweep("--context", "100000000,20")
    assert done.code == 0, done.err
    assert where(record) == [(1, 100000000, "does_not_fit"), (1, 20, "ok")]
    large, small = record["points"]
    assert large["record"] is None
    assert "GiB needed of 4.0 GiB free" in large["reason"]
    assert small["record"]["valid"]
    assert large["reason"] in " ".join(done.out.split())
    assert record["fits"] == []
    assert record["request"] == {"prompt": 20, "output": 100000000 - 20}


def test_a_point_that_no_kernel_takes_is_refused_by_name(sweep, monkeypatch):
    from truetpot.errors import UserError

    checked = decode.wrong_kernels

    def up_to_two(step, *args, **kwargs):
        if step.program.shape.batch > 2:
            raise UserError("no provider takes 3 rows.")
        return checked(step, *args, **kwargs)

    monkeypatch.setattr(decode, "wrong_kernels", up_to_two)
    done, record = sweep("--context", 20, "--batch", "3,1")
    assert done.code == 0, done.err
    assert where(record) == [(3, 20, "refused"), (1, 20, "ok")]
    assert record["points"][0]["reason"] == "no provider takes 3 rows."


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--context", "1,x"], "--context '1,x' is not a list of integers"),
        (["--context", "1,-1"], "--context '1,-1' is out of range"),
        (["--batch", "0,1"], "--batch '0,1' is out of range"),
        (["--context", "1,2", "--request", "5"], "--request '5' is not IN+OUT"),
        (["--context", "1,2", "--request", "5+1"], "two or more out"),
        (["--request", "5+9"], "--request needs several contexts"),
        (["--request", "5+9", "--batch", "1,2"], "--request needs several contexts"),
        (["--resume", "--json", "x.json"], "--resume needs several points"),
        (["--context", "1,2", "--resume", "--json", "-"], "give one"),
        (["--context", "1,2", "--tokens", "5"], "leave out --context, --layers and --seconds"),
    ],
)
def test_a_mistake(cli, model, args, says):
    done = cli("decode", "--model", model, *QUICK, *args)
    assert done.code == 2
    assert says in done.sentence
