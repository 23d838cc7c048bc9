"""What the two load generators are given, and real runs where they are installed."""

import json
import os
import shutil
from dataclasses import replace

import psutil
import pytest

from tests.drive.faulty import Faulty, running
from tests.drive.live import need_engine
from truetpot.drive import engine as engine_module
from truetpot.drive.aiperf import AIPerf
from truetpot.drive.calibrate import against_stub
from truetpot.drive.engine import PROMPTS, Load, run
from truetpot.drive.guidellm import GuideLLM
from truetpot.drive.point import measure
from truetpot.drive.server import KEY, Server, look
from truetpot.errors import UserError
from truetpot.records.words import PointStatus

PROMPT = "{} What does a card wait for, and who reads its weights?"
FAULTS = {
    "500": "500",
    "429": "429",
    "hang": "within the 3 s of --timeout",
    "stalls": "within the 3 s of --timeout",
    "garbage": "what came is no answer",
    "drop": "broke off in the middle of an answer",
    "dies": "closed the connection|nobody answers",
    "wrong count": "another length than 30 tokens by the server's count",
}


@pytest.fixture
def aiperf():
    """The load generator, where it is installed."""
    need_engine(AIPerf())
    return AIPerf()


def load(server, requests=6, concurrency=2, endpoint="completions"):
    prompts = [PROMPT.format(i) for i in range(requests)]
    return Load(server, endpoint, prompts, 30, concurrency, 2, 60)


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
@pytest.mark.parametrize("engine", [AIPerf(), GuideLLM()], ids=["aiperf", "guidellm"])
def test_no_key_is_in_what_an_engine_is_given(tmp_path, monkeypatch, engine, endpoint):
    monkeypatch.setenv(KEY, "sk-secret")
    arguments = engine.prepare(load(Server("http://h/v1", "m"), endpoint=endpoint), tmp_path)
    written = "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert "sk-secret" not in " ".join(arguments) + written
    assert endpoint in " ".join(arguments) + written
    lines = [json.loads(line) for line in (tmp_path / PROMPTS).read_text().splitlines()]
    assert len(lines) == 6 and all(30 in line.values() for line in lines)


@pytest.mark.parametrize("engine", [AIPerf(), GuideLLM()], ids=["aiperf", "guidellm"])
def test_the_path_of_the_servers_url_is_kept(tmp_path, engine):
    """AIPerf joins its URL and its path, guidellm its target and its format."""
    arguments = engine.prepare(load(Server("http://h/v3", "m")), tmp_path)
    if engine.name == "aiperf":
        endpoint = json.loads((tmp_path / "aiperf.yaml").read_text())["benchmark"]["endpoint"]
        assert endpoint["urls"] == ["http://h/v3"] and endpoint["path"] == "/completions"
    else:
        backend = json.loads(arguments[arguments.index("--backend") + 1])
        assert backend["target"] + backend["request_format"] == "http://h/v3/completions"


def test_guidellm_is_refused_with_a_key(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, "sk-secret")
    with pytest.raises(UserError, match="use --engine aiperf"):
        run(GuideLLM(), load(Server("http://h/v1", "m")), tmp_path / "c2")


def test_an_engine_that_is_not_installed_is_said(tmp_path, monkeypatch):
    engine = AIPerf()
    monkeypatch.setattr(engine, "name", "no-such-engine", raising=False)
    with pytest.raises(UserError, match="pip install no-such-engine"):
        run(engine, load(Server("http://h/v1", "m")), tmp_path / "c2")


@pytest.mark.drive
@pytest.mark.slow
@pytest.mark.parametrize("engine", [AIPerf(), GuideLLM()], ids=["aiperf", "guidellm"])
def test_a_point_of_a_real_engine(tmp_path, tokenizer, engine):
    """30 ms a token: the stub sends by absolute deadlines, so a busy machine moves the mean little.
    What is asserted is that counts and times come through, not how exact they are."""
    if engine.name == "guidellm" and shutil.which(engine.name) is None:
        pytest.skip("no guidellm: no make target brings it")
    need_engine(engine)
    before = {name for name in os.listdir("/tmp") if name.startswith("aiperf")}  # noqa: PTH208
    with running(Faulty(tokenizer, pace_s=0.03)) as url:
        url = url.replace("/v1", "/v3") if engine.name == "aiperf" else url
        point = measure(engine, load(look(url)), tmp_path / "c2", tmp_path, None)
    assert point.status is PointStatus.OK
    assert point.token_ms == pytest.approx(30, rel=0.3)
    assert 50 <= point.ttft_ms < 5000
    assert 1 <= point.requests <= 4 and point.client_cpu_s > 0
    assert point.tokens_per_s == pytest.approx(2 / 0.03, rel=0.5)
    assert (tmp_path / point.file).is_file()
    assert {name for name in os.listdir("/tmp") if name.startswith("aiperf")} == before  # noqa: PTH208


@pytest.mark.drive
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_within_a_point_is_one_sentence(tmp_path, tokenizer, aiperf, fault):
    """The first three requests are right."""
    with running(Faulty(tokenizer, fault, after=3)) as url:
        asked = replace(load(look(url)), timeout_s=3)
        with pytest.raises(UserError, match=FAULTS[fault]) as told:
            measure(aiperf, asked, tmp_path / "c2", tmp_path, None)
    said = str(told.value)
    assert said.count(". ") == 0 and "\n" not in said and "concurrency 2" in said


@pytest.mark.drive
@pytest.mark.slow
def test_an_engine_that_does_not_end_is_ended(tmp_path, tokenizer, aiperf, monkeypatch):
    """It takes seconds to start, and is given less than half of one for everything."""
    monkeypatch.setattr(engine_module, "STARTS_S", 0)
    with (
        running(Faulty(tokenizer)) as url,
        pytest.raises(UserError, match=r"aiperf did not end within 0.4 s; the server"),
    ):
        run(aiperf, replace(load(look(url)), timeout_s=0.1), tmp_path / "c2")
    assert not [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == f"{tmp_path}/c2"]


@pytest.mark.drive
@pytest.mark.slow
def test_the_calibration_sees_the_pace(tmp_path, aiperf):
    row = against_stub(aiperf, 1, 0.02, tmp_path / "calibration")
    assert row.asked_ms == 20
    assert row.late == (abs(row.seen_ms / row.sent_ms - 1) > 0.01 or row.sent_ms >= 40)
    assert row.sent_ms == pytest.approx(row.seen_ms, rel=0.3)
