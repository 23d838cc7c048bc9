"""The commands on a card that refuses to answer: they run, and say what they took instead."""

import pytest

from tests.runtime.refusing import QUERIES, RefusingCard
from truetpot.runtime import accelerator

SAID = {
    "mem_get_info": "torch.xpu.mem_get_info is refused for xpu:0",
    "get_device_properties": "xpu:0 does not tell the size of its cache",
    "elapsed_time": "xpu:0 refuses to time events",
    "every": "xpu:0 does not tell how much of its memory is free",
}


@pytest.fixture
def refuse(monkeypatch):
    """Commands find a card that refuses a query; the sentence that is to be said of it."""

    def make(query):
        card = RefusingCard(QUERIES if query == "every" else (query,), RuntimeError)
        monkeypatch.setattr(accelerator.torch, "Event", card.event)
        monkeypatch.setattr("truetpot.runs.setting.choose_device", lambda name, group: card)
        return SAID[query]

    return make


@pytest.mark.parametrize("query", SAID)
def test_decode(cli, model, refuse, check_decode, query):
    refused = refuse(query)
    args = ["--provider", "torch", "--format", "bf16", "--context", 20, "--seconds", 0.1, "--json"]
    done = cli("decode", "--model", model, *args)
    assert done.code == 0, done.err
    check_decode(done.record)
    assert done.record["finished"]
    assert any(warning.startswith(refused) for warning in done.record["warnings"])
    assert refused in done.err


def test_kernels(cli, model, refuse, check_kernels):
    refused = refuse("every")
    args = ["--provider", "torch", "--op", "silu_mul,linear", "--format", "bf16"]
    args += ["--seconds", 0.05, "--json"]
    done = cli("kernels", "--model", model, *args)
    assert done.code == 0, done.err
    check_kernels(done.record)
    assert any(warning.startswith(refused) for warning in done.record["warnings"])
    assert refused in done.err


def test_doctor(cli, refuse, monkeypatch):
    refused = refuse("mem_get_info")
    monkeypatch.setattr("truetpot.measure.ceiling.buffer_bytes", lambda device: 16 << 20)
    done = cli("doctor", "--seconds", 0.2, "--json")
    assert done.code in (0, 1), done.err
    assert "Traceback" not in done.err
    (finding,) = [one for one in done.record["findings"] if one["what"].startswith(refused)]
    assert finding["level"] == "warn"
