"""The speeds that llama-cli shows, and the tables of llama-batched-bench and llama-sweep-bench."""

import pytest

from tests.serving.readers.files import figures, read_bytes
from tests.serving.readers.llama_files import BATCHED, CHAT, SWEEP
from truetpot.errors import UserError
from truetpot.serving.check import check_run
from truetpot.serving.records import Metric
from truetpot.serving.verdict import judge


def read_text(folder, text):
    return read_bytes(folder, text.encode())


def test_a_chat(tmp_path):
    """40 and 50 t/s: 25 and 20 ms."""
    (run,) = read_text(tmp_path, CHAT)
    assert (run.tool, run.variant) == ("llama-cli", "speeds")
    assert figures(run) == {
        (Metric.TPOT, "mean"): pytest.approx(0.0225),
        (Metric.TPOT, "median"): pytest.approx(0.0225),
        (Metric.TPOT, "min"): 0.020,
        (Metric.TPOT, "max"): 0.025,
    }
    assert run.totals.completed == 2
    setting = run.setting
    assert setting.model == "Qwen2.5-7B-Instruct-Q4_K_M.gguf"
    assert (setting.tool_version, setting.batch) == ("build 10987 (d1d3c3396)", 1)
    checked = check_run(run)
    assert not checked.findings and judge(checked).reported_s == pytest.approx(0.0225)


@pytest.mark.parametrize(
    "line",
    [
        "[ Prompt: 178,2 t/s | Generation: 40,0 t/s ]",
        "\x1b[90m[ Prompt: 1.0 t/s | Generation: 40.0 t/s ]\x1b[0m",
        "x [ Prompt: 1.0 t/s | Generation: 40.0 t/s | Wall",
    ],
)
def test_how_it_is_shown(tmp_path, line):
    (run,) = read_text(tmp_path, f"> hello\n{line}\n")
    assert figures(run) == {(Metric.TPOT, "mean"): 0.025}


def test_an_answer_without_tokens(tmp_path):
    none = CHAT.replace("40.0", "0.0")
    (run,) = read_text(tmp_path, none)
    assert (run.totals.attempted, run.totals.completed) == (2, 1)
    with pytest.raises(UserError, match="no speed of generation above zero"):
        read_text(tmp_path, none.replace("50.0", "0.0"))


def test_batches(tmp_path):
    """32 steps of 8 sequences in 1.308 s: 40.9 ms each, at 195.67 tokens/s of all."""
    one, eight = read_text(tmp_path, BATCHED)
    assert (one.variant, eight.variant) == ("tg32 of 1", "tg32 of 8")
    assert (one.place, eight.place) == ("line 5", "line 6")
    assert figures(eight) == {
        (Metric.E2E_PER_TOKEN, "mean"): pytest.approx(1.308 / 32, rel=1e-3),
        (Metric.TTFT, "mean"): 1.738,
    }
    assert one.figure(Metric.E2E_PER_TOKEN, "mean") == 1 / 29.24
    assert (eight.setting.batch, eight.setting.input_tokens) == (8, 512)
    checked = check_run(eight)
    assert not checked.findings
    found = judge(checked)
    assert found.batch.value == 8.0 and found.context.value == 512 + 15
    assert found.reported_s == 8 / 195.67


def test_a_sweep_over_depth(tmp_path):
    flat, deep = read_text(tmp_path, SWEEP)
    assert (flat.variant, deep.variant) == ("tg128 @ d0", "tg128 @ d512")
    assert (deep.setting.batch, deep.setting.depth) == (1, 512)
    assert deep.figure(Metric.E2E_PER_TOKEN, "mean") == 1 / 61.94
    assert judge(check_run(deep)).context.value == 512 + 63


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BATCHED.replace("|     32 |", "|      0 |"), "no row that decodes"),
        (BATCHED.replace("|    8 |", "|  nan |"), '"B" is \'nan\''),
        (BATCHED.replace("195.67", "fast"), "S_TG"),
        (BATCHED[: BATCHED.index("195.67")], "no end"),
    ],
)
def test_broken(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        read_text(tmp_path, text)
