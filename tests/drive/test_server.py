"""What a server tells of itself, and one sentence for whatever else answers."""

import json

import pytest

from tests.drive.faulty import Faulty, running
from truetpot.drive.known import known
from truetpot.drive.server import KEY, Server, base, look
from truetpot.drive.stub import MODEL, send
from truetpot.drive.tokens import tokenizer_of
from truetpot.errors import UserError

METRICS = """vllm:num_requests_running 2.0
vllm:tokens{engine="0"} 3.0
vllm:tokens{engine="1"} 4.0
vllm:time_bucket{le="0.1"} 9.0
# HELP x y
python_gc 3e2
"""


class Like(Faulty):
    """A server with more paths than the stub; ``paths`` are their answers."""

    def __init__(self, tokenizer, paths):
        super().__init__(tokenizer)
        self.paths = paths

    async def answer(self, path, body, writer):
        """From the table, else as the stub."""
        if path not in self.paths:
            await super().answer(path, body, writer)
        elif isinstance(self.paths[path], int):
            send(writer, self.paths[path], {})
        elif isinstance(self.paths[path], str):
            text = self.paths[path].encode()
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        else:
            send(writer, 200, self.paths[path])


@pytest.mark.parametrize(
    ("paths", "name", "version"),
    [
        ({"/metrics": METRICS, "/version": {"version": "0.12.0"}}, "vllm", "0.12.0"),
        ({"/server_info": {"version": "0.5.9"}}, "sglang", "0.5.9"),
        ({"/props": {"build_info": "b7000-abc"}}, "llama.cpp", "b7000-abc"),
        ({"/api/version": {"version": "0.13.1"}}, "ollama", "0.13.1"),
        ({"/openapi.json": {"paths": {"/health": {}}}}, "", ""),
        ({"/v1/models": {"data": [{"id": MODEL, "owned_by": "llamacpp"}]}}, "llama.cpp", ""),
        ({}, "", ""),
    ],
)
def test_a_server_is_known_by_what_it_tells(tokenizer, paths, name, version):
    with running(Like(tokenizer, paths)) as url:
        found = look(url)
    assert (found.name, found.version, found.model) == (name, version, MODEL)
    metrics = {"vllm:num_requests_running": 2.0, "vllm:tokens": 7.0, "python_gc": 300.0}
    assert found.metrics == (metrics if name == "vllm" else {})


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (500, "answers 500"),
        (429, "limits how often"),
        ("<html>", "not JSON"),
        ({"data": []}, "lists no model"),
        ({"data": [{"id": "a"}, {"id": "b"}]}, "serves a, b; choose one with --served"),
    ],
)
def test_what_is_no_list_of_one_model_is_said(tokenizer, models, said):
    with running(Like(tokenizer, {"/v1/models": models})) as url, pytest.raises(UserError) as told:
        look(url)
    assert said in str(told.value)


def test_a_server_that_lists_a_cache_needs_the_models_name(tokenizer):
    """``transformers serve`` lists the models on disk."""
    paths = {
        "/openapi.json": {"paths": {"/load_model": {}, "/v1/responses": {}, "/v1/models": {}}},
        "/v1/models": {"data": [{"id": "a", "owned_by": "x"}, {"id": "b", "owned_by": "x"}]},
    }
    with running(Like(tokenizer, paths)) as url:
        with pytest.raises(UserError, match="name that with --served"):
            look(url)
        found = look(url, "/models/mine")
    assert (found.name, found.model) == ("transformers", "/models/mine")
    asked = json.loads(found.kind.asks(32)["generation_config"])
    assert asked["min_new_tokens"] == asked["max_new_tokens"] == 32


def test_time_per_token_by_the_servers_own_counters():
    kind = known("llama.cpp")
    seconds, count = kind.token_time[0]
    before, after = {seconds: 1.0, count: 100.0}, {seconds: 4.0, count: 200.0}
    assert kind.token_s(before, after, requests=10) == pytest.approx(3 / 90)
    assert kind.token_s({}, {}, 1) is None
    assert kind.token_s(after, after, 1) is None
    assert known("ollama").token_s(before, after, 1) is None
    seconds, count = known("vllm").token_time[0]  # one time a request
    assert known("vllm").token_s({}, {seconds: 0.3, count: 10.0}, 10) == pytest.approx(0.03)


def test_nobody_at_the_address():
    with pytest.raises(UserError, match=r"cannot be reached .*; is the server running\?"):
        look("http://127.0.0.1:9/v1")


@pytest.mark.parametrize("url", ["host:8000", "ftp://host/v1", "http:///v1"])
def test_what_is_no_address(url):
    with pytest.raises(UserError, match="no address"):
        base(url)


def test_a_key_does_not_belong_into_the_address():
    with pytest.raises(UserError, match=KEY):
        base("http://me:secret@host/v1")


@pytest.mark.parametrize("url", ["http://host:1", "http://host:1/", "http://host:1/v1/"])
def test_the_address_ends_with_v1(url):
    assert base(url) == "http://host:1/v1"


def test_another_version_of_the_path_stays():
    """OpenVINO Model Server's."""
    assert base("http://host:1/v3/") == "http://host:1/v3"
    assert Server("http://host:1/v3", "m").root == "http://host:1"


def test_the_servers_own_tokenizer(tokenizer):
    with running(Like(tokenizer, {"/tokenize": {"tokens": [5, 6, 7]}})) as url:
        assert tokenizer_of(look(url), None).count("anything") == 3


def test_a_server_without_one_needs_a_folder(tokenizer):
    with running(Faulty(tokenizer)) as url, pytest.raises(UserError, match="give --tokenizer DIR"):
        tokenizer_of(look(url), None)
