"""What every command writes with --json has the fields of its type, and no command dies of a file.

The records of ``decode``, ``kernels``, ``collectives`` and ``tune`` are held against their types
wherever the tests make one.
"""

import json

import pytest

from tests.records.kept import exact, load
from truetpot.records.page import RECORDS

COMMANDS = {
    "floor": ("floor",),
    "floor of a range": ("floor", "--context", "1024:5120", "--tp", 4),
    "published": ("floor", "--published"),
    "dispatch": ("dispatch",),
    "providers": ("providers", "--device", "cpu"),
    "doctor": ("doctor", "--no-check"),
}
SERVED = """
============ Serving Benchmark Result ============
Successful requests:                     1
Benchmark duration (s):                  18.03
Total input tokens:                      1024
Total generated tokens:                  512
---------------Time to First Token----------------
Mean TTFT (ms):                          1460.00
-----Time per Output Token (excl. 1st token)------
Mean TPOT (ms):                          32.40
==================================================
"""


@pytest.fixture
def served(tmp_path):
    file = tmp_path / "serving.log"
    file.write_text(SERVED)
    return file


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_without_a_device(cli, command):
    record = cli(*command, "--json").record
    exact(record, RECORDS[record["kind"]])


@pytest.mark.slow
def test_doctor_with_its_check(cli):
    record = cli("doctor", "--device", "cpu", "--seconds", 0.2, "--json").record
    exact(record, RECORDS["doctor"])
    assert record["check"]["device"] == record["device"]["name"] == "cpu"


@pytest.mark.parametrize("floor", [(), ("--model", "qwq-32b", "--device", "arc-a770", "--tp", 4)])
def test_check(cli, served, floor):
    record = cli("check", served, *floor, "--json").record
    exact(record, RECORDS["check"])


def test_logits(cli, checkpoint):
    given = ("--weights", checkpoint, "--format", "fp32", "--dtype", "fp32", "--provider", "torch")
    exact(cli("decode", *given, "--tokens", "5,17,3", "--json").record, RECORDS["logits"])


def test_a_record_of_decode_is_the_yardstick_of_check(cli, model, served, tmp_path, monkeypatch):
    ladder = tmp_path / "ladder.json"
    quick = ("--seconds", 0.1, "--context", 20, "--provider", "torch")
    assert cli("decode", "--model", model, *quick, "--json", ladder).code == 0
    monkeypatch.chdir(model.parent)
    record = cli("check", served, "--ladder", ladder, "--json").record
    exact(record, RECORDS["check"])
    step = json.loads(ladder.read_text())["rungs"]["step"]["ms_per_token"]
    assert record["serving"]["step_ms"] > step, "more context than was measured"


BAD = {
    "infinite": ("rungs.step.ms_per_token", "1e999"),
    "without end": ("rungs.step.ms_per_token", "1" + "0" * 400),
    "below zero": ("rungs.step.ms_per_token", "-1"),
    "zero": ("rungs.step.ms_per_token", "0"),
    "next to zero": ("rungs.ceiling.ms_per_token", "1e-320"),
    "NaN": ("rungs.step.ms_per_token", "NaN"),
    "no ranks": ("tp", "0"),
    "a batch of zero": ("batch", "0"),
    "endless batch": ("batch", "1" + "0" * 400),
    "context below zero": ("context", "-1"),
    "a device that is none": ("environment.device", '"xpu"'),
    "a device without a name": ("environment.device", "{}"),
    "memory below zero": ("environment.device.memory_bytes", "-1"),
    "no rungs": ("rungs", "null"),
    "deep": ("environment.state", '{"a":' * 100_000 + "1" + "}" * 100_000),
    "deep and unknown": ("environment.unknown", "[" * 100_000 + "]" * 100_000),
    "another model": ("model", '"\\u001b[31mqwq"'),
    "a model that is no name": ("model", '"\\u0000"'),
    "another format": ("format", '"int3"'),
    "another cache": ("kv_format", '"int3"'),
    "a rank too many": ("tp", "7"),
}


@pytest.mark.parametrize(("place", "value"), BAD.values(), ids=BAD)
def test_a_ladder_that_is_none_is_one_sentence(cli, served, tmp_path, place, value):
    record = load("decode") | {"model": "qwq-32b"}
    *above, name = place.split(".")
    part = record
    for step in above:
        part = part[step]
    part[name] = "HERE"
    file = tmp_path / "ladder.json"
    file.write_text(json.dumps(record).replace('"HERE"', value))
    done = cli("check", served, "--ladder", file)
    assert done.code == 2, done.out
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("truetpot: ")
    assert len(done.err) < 1000
    assert "\x1b" not in done.err


def test_a_huge_but_possible_ladder_is_no_crash(cli, served, tmp_path):
    record = load("decode") | {"model": "qwq-32b", "context": 1 << 62, "batch": 1 << 62}
    file = tmp_path / "ladder.json"
    file.write_text(json.dumps(record))
    done = cli("check", served, "--ladder", file, "--json")
    assert done.code in (0, 1, 2)
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"kind": "isa"}', '{"kind": "isa", "kernels": 3}', "[" * 100_000]
)
def test_an_old_record_of_isa_that_is_none(cli, tmp_path, text):
    file = tmp_path / "old.json"
    file.write_text(text)
    done = cli("isa", "--op", "silu_mul", "--diff", file)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "truetpot isa --json" in done.err
