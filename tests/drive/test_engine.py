"""What the two load generators are given, and real runs where they are installed."""

import json
import os
import shutil

import pytest

from tests.drive.faulty import Faulty, running
from truetpot.drive.aiperf import AIPerf
from truetpot.drive.calibrate import against_stub
from truetpot.drive.engine import PROMPTS, Load, run
from truetpot.drive.guidellm import GuideLLM
from truetpot.drive.point import measure
from truetpot.drive.server import KEY, Server, look
from truetpot.errors import UserError
from truetpot.records.words import PointStatus

PROMPT = "{} What does a card wait for, and who reads its weights?"
INSTALLED = [
    pytest.param(
        engine,
        marks=[
            pytest.mark.slow,
            pytest.mark.skipif(shutil.which(engine.name) is None, reason=f"no {engine.name}"),
        ],
        id=engine.name,
    )
    for engine in (AIPerf(), GuideLLM())
]


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


def test_guidellm_is_refused_with_a_key(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, "sk-secret")
    with pytest.raises(UserError, match="use --engine aiperf"):
        run(GuideLLM(), load(Server("http://h/v1", "m")), tmp_path / "c2")


def test_an_engine_that_is_not_installed_is_said(tmp_path, monkeypatch):
    engine = AIPerf()
    monkeypatch.setattr(engine, "name", "no-such-engine", raising=False)
    with pytest.raises(UserError, match="pip install no-such-engine"):
        run(engine, load(Server("http://h/v1", "m")), tmp_path / "c2")


@pytest.mark.parametrize("engine", INSTALLED)
def test_a_point_of_a_real_engine(tmp_path, tokenizer, engine):
    """30 ms a token: the stub sends by absolute deadlines, so a busy machine moves the mean little.
    What is asserted is that counts and times come through, not how exact they are."""
    before = {name for name in os.listdir("/tmp") if name.startswith("aiperf")}  # noqa: PTH208
    with running(Faulty(tokenizer, pace_s=0.03)) as url:
        point = measure(engine, load(look(url)), tmp_path / "c2", tmp_path, None)
    assert point.status is PointStatus.OK
    assert point.token_ms == pytest.approx(30, rel=0.3)
    assert 50 <= point.ttft_ms < 5000
    assert 1 <= point.requests <= 4 and point.client_cpu_s > 0
    assert (tmp_path / point.file).is_file()
    assert {name for name in os.listdir("/tmp") if name.startswith("aiperf")} == before  # noqa: PTH208


@pytest.mark.parametrize("engine", INSTALLED[:1])
def test_requests_that_fail_end_the_point(tmp_path, tokenizer, engine):
    with (
        running(Faulty(tokenizer, "500")) as url,
        pytest.raises(UserError, match=r"requests at concurrency 2 failed|ended with"),
    ):
        measure(engine, load(look(url)), tmp_path / "c2", tmp_path, None)


@pytest.mark.parametrize("engine", INSTALLED[:1])
def test_the_calibration_sees_the_pace(tmp_path, engine):
    row = against_stub(engine, 1, 0.02, tmp_path / "calibration")
    assert row.asked_ms == 20
    assert row.late == (abs(row.seen_ms / row.sent_ms - 1) > 0.01)
    assert row.sent_ms == pytest.approx(row.seen_ms, rel=0.3)
