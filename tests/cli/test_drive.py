"""``truetpot drive`` as a user calls it, with AIPerf where it is installed."""

import json

import pytest

from tests.drive.conftest import folder, tokenizer  # noqa: F401  # fixtures
from tests.drive.faulty import Faulty, running
from tests.drive.live import need_engine
from tests.records.kept import exact
from truetpot.drive.aiperf import AIPerf
from truetpot.records.drive import DriveRecord

pytest.importorskip("openai")
SHORT = ("--input", 200, "--output", 40, "--requests", 3, "--no-calibrate")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "wrk"], "choose from aiperf, guidellm"),
        (["--endpoint", "embeddings"], "choose from completions, chat"),
        (["--concurrency", "0"], "out of range"),
        (["--concurrency", "5000"], "give 1 to 4,096"),
        (["--input", "200,x"], "list of integers"),
        (["--arm", "a=http://127.0.0.1:9"], "URL is the only server: leave out --arm"),
        (["--concurrency", "a"], "list of integers"),
        (["--out", __file__], "is no folder"),
    ],
)
def test_what_cannot_be_asked_for(cli, options, said):
    done = cli("drive", "http://127.0.0.1:9", *options)
    assert done.code == 2 and said in done.sentence


@pytest.fixture
def aiperf():
    """Where it is installed."""
    need_engine(AIPerf())


@pytest.mark.drive
@pytest.mark.slow
@pytest.mark.usefixtures("aiperf")
def test_a_fault_on_the_way_keeps_what_was_finished(cli, tmp_path, folder, tokenizer, monkeypatch):  # noqa: F811
    """Six single requests, a point of four, and then the server answers 500; then it is mended."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    out = tmp_path / "out"
    server = Faulty(tokenizer, "500", after=10, pace_s=0.02)
    with running(server) as url:
        words = ["drive", url, "--tokenizer", folder, "--out", out, *SHORT, "--concurrency", "1,2"]
        lost = cli(*words)
        assert lost.code == 2 and "500" not in lost.out.split("invalid")[0]
        assert "requests at concurrency 2 failed" in lost.sentence or "ended with" in lost.sentence
        kept = json.loads((out / "record.json").read_text())
        assert [point["status"] for point in kept["points"]] == ["ok", "invalid"]
        assert cli(*words).sentence.endswith("give another --out, or --resume to go on.")
        server.fault = ""
        done = cli(*words, "--resume", "--json")
    assert done.code == 0
    exact(done.record, DriveRecord)
    first, second = done.record["points"]
    assert first == kept["points"][0] and not done.record["partial"]
    assert second["token_ms"] == pytest.approx(20, rel=0.5)
    assert not [
        file for file in out.rglob("*") if file.is_file() and b"sk-secret" in file.read_bytes()
    ]


@pytest.mark.drive
@pytest.mark.usefixtures("aiperf")
def test_a_server_that_does_not_obey_is_not_timed(cli, tmp_path, folder, tokenizer):  # noqa: F811
    with running(Faulty(tokenizer, "wrong count")) as url:
        done = cli("drive", url, "--tokenizer", folder, "--out", tmp_path / "out", *SHORT)
    assert done.code == 2
    assert done.sentence.startswith("truetpot: Nothing is timed:")
    assert not (tmp_path / "out").exists()
