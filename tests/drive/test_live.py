"""The founding case on a real server: `transformers serve` with a model that answers prompts
without sense with tokens that show no text, and a client that counts text."""

import json

import numpy as np
import pytest

from tests.drive import answering, old_client
from tests.drive.live import need_engine, transformers_serve
from tests.records.kept import exact, written
from truetpot.drive.aiperf import AIPerf
from truetpot.drive.plan import Arm, Asked
from truetpot.drive.server import look
from truetpot.drive.session import drive
from truetpot.records.drive import DriveRecord
from truetpot.records.prompts import SetKind
from truetpot.records.words import PointStatus
from truetpot.serving.check import check_file
from truetpot.serving.prompts import corpus, faulty
from truetpot.serving.prompts.inspect import inspect
from truetpot.serving.prompts.tokenizer import load

pytest.importorskip("openai")
pytestmark = [pytest.mark.drive, pytest.mark.slow]
INPUT, OUTPUT, COUNT = 200, 128, 6


@pytest.fixture(scope="module")
def model(tmp_path_factory, folder):
    """A folder with the model and its tokenizer."""
    made = tmp_path_factory.mktemp("model")
    for part in answering.make(folder / "tokenizer.json"):
        part.save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    """Its URL."""
    with transformers_serve(model, tmp_path_factory.mktemp("server")) as url:
        yield url


def counted(server, model, prompts, file):
    """The old client's run, and seconds per token that the server really took, by the length that
    it was made to decode."""
    tokenizer, asks = load(model), look(server, str(model)).kind.asks(OUTPUT)
    outputs = old_client.run(server, str(model), prompts, OUTPUT, tokenizer, asks, file)
    real = np.mean([(one.latency - one.ttft) / (OUTPUT - 1) for one in outputs])
    return outputs, float(real)


def told_s(file):
    """The mean time per token that a file tells."""
    return json.loads(file.read_text())["mean_tpot_ms"] / 1e3


def test_random_prompts_counted_by_their_text(server, model, tmp_path):
    """The figure is tens of times too long, and `check` names why in the file."""
    prompts = [one.text for one in faulty.random(load(model), tokens=INPUT, count=COUNT, seed=1)]
    outputs, real_s = counted(server, model, prompts, tmp_path / "random.json")
    assert sum(one.tokens <= 4 for one in outputs) > COUNT / 2
    (run,) = check_file(tmp_path / "random.json", requested_output_tokens=OUTPUT)
    assert "visible-token-denominator" in [one.id for one in run.findings]
    assert told_s(tmp_path / "random.json") > 10 * real_s


def test_one_fixed_passage(server, model, tmp_path):
    """Its text is all visible, so that nothing is said of the count; the set itself is faulty."""
    passages = corpus.shipped("en")
    prompts = [
        one.text for one in faulty.repeated(passages, load(model), tokens=INPUT, count=COUNT)
    ]
    outputs, real_s = counted(server, model, prompts, tmp_path / "fixed.json")
    assert [one.tokens for one in outputs] == [OUTPUT] * COUNT
    (run,) = check_file(tmp_path / "fixed.json", requested_output_tokens=OUTPUT)
    assert "visible-token-denominator" not in [one.id for one in run.findings]
    assert told_s(tmp_path / "fixed.json") == pytest.approx(real_s)
    assert inspect(prompts, load(model)).kind is SetKind.REPEATED


def test_prompts_with_meaning_and_the_servers_count(server, model, tmp_path):
    """By the whole run: the time after the first token over the decoded ones less one, by the
    stamps in its files. The old client's figure is far above it; both are of a machine that may be
    busy, so that no more is said of the two."""
    need_engine(AIPerf())
    prompts = [one.text for one in faulty.random(load(model), tokens=INPUT, count=2, seed=1)]
    counted(server, model, prompts, tmp_path / "random.json")
    asked = Asked(
        (Arm("", server),), str(model), (INPUT, 2 * INPUT), OUTPUT, (1,), 1, 3, None, model,
        "completions", "aiperf", tmp_path / "out", False, False, False, 300,
    )  # fmt: skip
    record = drive(asked)
    exact(written(record), DriveRecord)
    assert record.server.name == "transformers" and not record.canaries and not record.partial
    for point in record.points:
        assert point.status is PointStatus.OK and point.server_cpu_s > 0
        lines = [json.loads(one) for one in (tmp_path / "out" / point.file).open()]
        times = [one["metrics"] for one in lines if one["metadata"]["benchmark_phase"] != "warmup"]
        of_each = [
            (one["request_latency"]["value"] - one["time_to_first_token"]["value"]) / (OUTPUT - 1)
            for one in times
        ]
        assert len(times) == 3
        if not any(of_each):  # the server kept its text back, as it was no whole character yet
            continue
        assert point.token_ms == pytest.approx(np.mean(of_each))
        assert told_s(tmp_path / "random.json") * 1e3 > 5 * point.token_ms
    (series,) = record.series
    assert (series.over, series.points) == ("depth", 2)
