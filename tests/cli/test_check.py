"""`truetpot check`: exit codes, the record, and what people read."""

import json
from pathlib import Path

import pytest

from tests.real_files import DATA

TABLE = """
INFO: starting
============ Serving Benchmark Result ============
Successful requests:                     1
Benchmark duration (s):                  {duration:.2f}
Total input tokens:                      1024
Total generated tokens:                  {tokens}
---------------Time to First Token----------------
Mean TTFT (ms):                          {ttft:.2f}
-----Time per Output Token (excl. 1st token)------
Mean TPOT (ms):                          {tpot:.2f}
==================================================
"""
ARC = ("--model", "qwq-32b", "--device", "arc-a770", "--tp", 4, "--format", "fp8_e5m2")
NO_RESULT = Path(__file__).with_name("conftest.py")
LADDER = DATA / "made" / "records" / "decode-h200.json"
CONTRACT = {"tool", "reported", "recomputed", "counts", "findings", "verdict"}


@pytest.fixture
def table(tmp_path):
    """A printed table of one request of ``tokens`` counted tokens."""

    def write(tpot, tokens, ttft=1460.0):
        file = tmp_path / "serving.log"
        duration = (ttft + tpot * (tokens - 1)) / 1e3 + 0.01
        file.write_text(TABLE.format(duration=duration, tokens=tokens, ttft=ttft, tpot=tpot))
        return file

    return write


def test_the_founding_case(cli, table, tmp_path):
    out = tmp_path / "check.json"
    file = table(30657.55, 5)
    done = cli("check", file, *ARC, "--output-tokens", 4096, "--json", out)
    assert done.code == 1
    assert "visible-token-denominator" in done.out
    record = json.loads(out.read_text())
    assert set(record) >= CONTRACT
    assert record["tool"] == "vllm"
    assert record["verdict"] == "inflated"
    first = record["findings"][0]
    assert set(first) >= {"id", "severity", "evidence", "factor", "fix"}
    assert first["id"] == "visible-token-denominator"
    assert first["factor"] == pytest.approx(4095 / 4, rel=1e-3)
    standing = {row["n"]: row["standing"] for row in record["visible_counts"]}
    assert standing[2].startswith("excluded: below the floor")
    assert standing[5] == "open"
    assert 2000 < record["serving"]["over_floor"] < 2200
    assert record["runs"][0]["verdict"] == "inflated"


def test_a_clean_run_passes_the_gate(cli, table):
    done = cli("check", table(32.4, 512), *ARC, "--fail-on", "info")
    assert done.code == 0
    assert "believable" in done.out
    assert "No finding" in done.out


def test_an_impossible_one_does_not(cli, table):
    done = cli("check", table(9.0, 512), *ARC, "--fail-on", "error")
    assert done.code == 1
    assert "impossible" in done.out
    assert cli("check", table(9.0, 512), *ARC, "--fail-on", "never").code == 0


def test_json_alone_is_json(cli, table):
    done = cli("check", table(32.4, 512), "--json")
    record = json.loads(done.out)
    assert record["verdict"] == "undecidable"
    assert record["yardstick"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.json"], "absent.json"),
        ([NO_RESULT], "known"),
        ([NO_RESULT, "--ladder", "x.json", "--device", "arc-a770"], "x.json"),
        ([NO_RESULT, "--ladder", LADDER, "--device", "arc-a770"], "arc-a770, and the record"),
        ([NO_RESULT, "--ladder", LADDER, "--tp", 4], "measured with 1; leave out --tp"),
        ([NO_RESULT, "--ladder", LADDER, "--kv-format", "fp8_e5m2"], "measured with bf16"),
        ([NO_RESULT, NO_RESULT], "is named twice"),
        ([NO_RESULT, "--fail-on", "sometimes"], "--fail-on"),
    ],
)
def test_mistakes(cli, arguments, words):
    done = cli("check", *arguments)
    assert done.code == 2
    assert words in done.err
    assert len(done.err.splitlines()) == 1
