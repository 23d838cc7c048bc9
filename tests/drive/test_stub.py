"""The pace stub, by a client of the standard library."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.drive.faulty import running
from truetpot.drive.stub import MODEL, Stub

ASKED = {"model": MODEL, "prompt": "one two three", "max_tokens": 20}


def post(url, body):
    at = urlsplit(url)
    client = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
    client.request("POST", "/v1/completions", json.dumps(body))
    return client.getresponse().read().decode()


def test_every_token_is_an_event_and_the_counts_are_right():
    with running(Stub(0.001)) as url:
        lines = post(url, {**ASKED, "stream": True}).split("\n\n")
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert [bool(one["choices"]) for one in events] == [True] * 20 + [False]
    assert events[-2]["choices"][0]["finish_reason"] == "length"
    assert events[-1]["usage"] == {
        "prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23
    }  # fmt: skip
    assert lines[-2] == "data: [DONE]"


def test_an_answer_that_is_not_streamed():
    with running(Stub(0.001)) as url:
        assert json.loads(post(url, ASKED))["usage"]["completion_tokens"] == 20


def test_it_tells_when_it_sent_and_is_never_early():
    stub = Stub(0.02)
    with running(stub) as url:
        post(url, {**ASKED, "stream": True})
    ((tokens, pace_s),) = stub.paces
    assert tokens == 20
    # the first one may be late and the last one on time: so much earlier than the pace at most
    assert pace_s == pytest.approx(0.02, rel=0.5)
