"""``truetpot trace`` as a user calls it."""

import json

import pytest

from tests.real_files import DATA
from tests.records.kept import exact
from tests.stack import made
from truetpot.records.trace import TraceRecord

TRACES = DATA / "made" / "traces"
COMPILED = TRACES / "qwq32b-4layers-compiled.pt.trace.json.gz"
LADDER = DATA / "made" / "records" / "decode-h200.json"


def test_what_is_printed_and_what_is_written(cli, tmp_path):
    out = tmp_path / "trace.json"
    done = cli("trace", COMPILED, "--model", "qwq-32b", "--device", "h200", "--json", out)
    assert done.code == 0
    for words in ("torch.profiler, CUDA, device NVIDIA H200", "4 of 64 layers", "1.652",
                  "gate_up", "The largest losses", "disturbed-steps"):  # fmt: skip
        assert words in done.out
    record = json.loads(out.read_text())
    exact(record, TraceRecord)
    assert record["rung"] == "stack" and record["bandwidth_gb_s"] == 4800


def test_a_record_alone(cli):
    done = cli("trace", COMPILED, "--json")
    assert json.loads(done.out)["kind"] == "trace"


def test_beside_our_own_kernels(cli):
    """Of 64 layers measured here and four in the trace: the time of four."""
    done = cli("trace", COMPILED, "--ladder", LADDER, "--json", "-")
    record, ours = json.loads(done.out), json.loads(LADDER.read_text())
    assert record["ceiling_gb_s"] == ours["ceiling"]["gb_s"]
    (run,) = record["runs"]
    roles = {row["role"]: row for row in run["roles"]}
    (row,) = (one for one in ours["operators"] if one["role"] == "rope_append+attention")
    assert roles["attention"]["ours"] == "rope_append+attention"
    each = row.get("at_step_s") or row["median_s"]
    assert roles["attention"]["ours_ms"] == pytest.approx(4 * each * 1e3)
    (head,) = (one for one in ours["operators"] if one["role"] == "final_norm+lm_head")
    assert roles["lm_head"]["ours_ms"] == pytest.approx(
        (head.get("at_step_s") or head["median_s"]) * 1e3
    )
    assert all(row["ceiling_ms"] > 0 for row in run["roles"] if row["role"] == "down")
    assert len(run["losses"]) == 3


def test_an_error_in_the_trace_is_exit_code_one(cli, tmp_path):
    trace = made.xpu()
    trace.events[-2]["dur"] = 48_823e6
    file = tmp_path / "a.json"
    file.write_text(json.dumps(trace.file()))
    done = cli("trace", file)
    assert done.code == 1 and "impossible-durations" in done.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--model", "qwq-32b"], "give --device or --ladder too"),
        (["--ladder", LADDER, "--model", "phi-4"], "phi-4, and the record"),
        (["--ladder", LADDER, "--context", "2048"], "--context is 2048"),
        (["--ladder", LADDER, "--tp", "4"], "measured with 1; leave out --tp"),
        (["--ladder", LADDER, "--format", "bf16"], "measured with sym_int4"),
        (["--ladder", LADDER, "--device", "arc-a770"], "measured with h200"),
        (["--model", "qwq-32b", "--device", "arc-a770"], "give --device h200"),
        (["--batch", "2"], "--batch is of the step that a floor is for"),
        ([COMPILED], "is named twice; name each file once"),
        (["--tokens", "0"], "--tokens 0"),
        (["--model", "qwq-32b", "--device", "abacus"], "unknown card"),
        (["--model", "qwq-32b", "--device", "h200", "--tp", "7"], "tp = 7"),
        (["--ladder", COMPILED], "gzip"),
        (["--json", COMPILED], "would overwrite the input"),
    ],
)
def test_what_does_not_go_together(cli, options, says):
    done = cli("trace", COMPILED, *options)
    assert done.code == 2 and says in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"hello\n", b"\x1f\x8b\x08", b"SQLite format 3\0"])
def test_what_is_no_trace(cli, tmp_path, content):
    file = tmp_path / "a"
    file.write_bytes(content)
    done = cli("trace", file)
    assert done.code == 2 and done.err.startswith("truetpot: ")
    assert len(done.err.strip().splitlines()) == 1


def test_a_trace_of_all_layers_is_held_against_our_step(cli, tmp_path):
    """Rung `stack` over rung `step`, where both are of the whole model."""
    ours = json.loads(LADDER.read_text())
    for layers, step_ms in ((64, ours["rungs"]["step"]["ms_per_token"]), (63, None)):
        trace = made.Xpu()
        for _ in range(3):
            trace.step([*made.HEAD, *made.LAYER * layers, *made.TAIL])
        file = tmp_path / f"{layers}.json"
        card = trace.file()["deviceProperties"][0]["name"]
        file.write_text(json.dumps(trace.file()).replace(card, "NVIDIA H200"))
        done = cli("trace", file, "--ladder", LADDER, "--json", tmp_path / "record.json")
        (run,) = json.loads((tmp_path / "record.json").read_text())["runs"]
        assert run["step_ms"] == step_ms
        assert ("stack/step is" in done.out) == (layers == 64)
