"""The founding case on llama.cpp's server, whose own clock says how long a token took.

The model has 430 million weights in 16 bits, so that a step of one thread takes 30 ms and more.
"""

import json
import re
from urllib.request import Request, urlopen

import numpy as np
import pytest

from tests.drive import answering, old_client
from tests.drive.live import llama_server, need_engine
from truetpot.drive.aiperf import AIPerf
from truetpot.drive.plan import Arm, Asked
from truetpot.drive.session import drive
from truetpot.records.words import PointStatus
from truetpot.serving.check import check_file
from truetpot.serving.prompts import corpus, faulty
from truetpot.serving.prompts.tokenizer import load

pytest.importorskip("openai")
pytestmark = [pytest.mark.llama, pytest.mark.timing]
INPUT, OUTPUT, COUNT = 200, 96, 3
STREAMS, STEP_MS = (1, 2), 30
SINGLE_REQUESTS = 6
"""The canaries."""


@pytest.fixture(scope="module")
def model(tmp_path_factory, folder):
    """A folder with the model's file and its tokenizer."""
    pytest.importorskip("gguf")
    made = tmp_path_factory.mktemp("model")
    model, tokenizer = answering.make(folder / "tokenizer.json", hidden=1024, layers=28, inner=4096)
    tokenizer.save_pretrained(made)
    answering.write_gguf(made / "model.gguf", model, tokenizer)
    return made


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    """Its URL and its log."""
    folder = tmp_path_factory.mktemp("server")
    options = ("-c", "8192", "-np", "2", "-t", "1", "-tb", "1", "--alias", "model")
    with llama_server(model / "model.gguf", folder, *options) as url:
        yield url, folder / "server.log"


def test_prompts_with_meaning_agree_with_the_servers_own_clock(server, tmp_path):
    """Within 10 %, at one stream and at two: by its log, request by request, and for all requests
    of a point by its counters. Prompts are by the server's own tokenizer."""
    server, log = server
    before = len(own_ms(log))
    need_engine(AIPerf())
    asked = Asked(
        (Arm("", server),), None, (INPUT,), OUTPUT, STREAMS, 1, COUNT, None, None, "completions",
        "aiperf", tmp_path / "out", False, False, False, 600,
    )  # fmt: skip
    record = drive(asked)
    assert record.server.name == "llama.cpp" and record.server.version
    assert record.tokenizer.endswith("/tokenize")
    assert [row.what for row in record.canaries if row.weight == "stop"] == []
    own = own_ms(log)[before + SINGLE_REQUESTS :]
    for point in record.points:
        warm_up, own_here = point.concurrency, own[: point.concurrency + COUNT]
        own = own[len(own_here) :]
        assert point.status is PointStatus.OK and min(own_here) > STEP_MS
        assert point.token_ms == pytest.approx(np.mean(own_here[warm_up:]), rel=0.1)
        assert point.server_ms == pytest.approx(np.mean(own_here), rel=0.01)
        assert point.server_cpu_s > 0
    one, two = record.points
    assert (one.batch, two.batch) == pytest.approx((1, 2), rel=0.2)


def own_ms(log):
    """Of each request so far, per token after the first one, as the server's log has it."""
    found = re.findall(r"(?<!prompt) eval time = +([\d.]+) ms / +(\d+) tokens", log.read_text())
    return [float(ms) / (int(tokens) - 1) for ms, tokens in found]


def test_random_prompts_counted_by_their_text(server, model, tmp_path):
    """The client's figure is many times the server's own, and `check` names why in its file."""
    tokenizer, file = load(model), tmp_path / "random.json"
    prompts = [one.text for one in faulty.random(tokenizer, tokens=INPUT, count=COUNT, seed=1)]
    asks = {"ignore_eos": True, "cache_prompt": False}
    outputs = old_client.run(server[0], "model", prompts, OUTPUT, tokenizer, asks, file)
    assert sum(one.tokens <= 4 for one in outputs) > COUNT / 2
    (run,) = check_file(file, requested_output_tokens=OUTPUT)
    assert "visible-token-denominator" in [one.id for one in run.findings]


def test_one_fixed_passage_comes_out_of_the_servers_cache(server, model, tmp_path):
    """In the server's own timings: `check` says that nothing of TTFT is a prefill's."""
    tokenizer = load(model)
    (prompt,) = {
        one.text
        for one in faulty.repeated(corpus.shipped("en"), tokenizer, tokens=INPUT, count=COUNT)
    }
    file = tmp_path / "answers.jsonl"
    with file.open("w") as out:
        for _ in range(COUNT):
            out.write(json.dumps(complete(server[0], prompt)) + "\n")
    (run,) = check_file(file, requested_output_tokens=OUTPUT)
    assert "cached-prompts" in [one.id for one in run.findings]


def complete(url, prompt):
    """One answer that is not streamed, with the server's timings."""
    body = {"prompt": prompt, "max_tokens": OUTPUT, "temperature": 0, "ignore_eos": True}
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{url}/completions", json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)
