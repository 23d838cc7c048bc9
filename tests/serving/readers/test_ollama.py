"""Ollama's answers and what ``ollama run --verbose`` prints."""

import pytest

from tests.serving.readers.files import figures, lines, read_bytes, read_json
from tests.serving.readers.ollama_files import VERBOSE, chatted, generated, streamed
from truetpot.errors import UserError
from truetpot.serving.check import check_run
from truetpot.serving.records import Counting, Metric
from truetpot.serving.verdict import judge


@pytest.mark.parametrize("answer", [generated(), chatted()], ids=["generate", "chat"])
def test_an_answer(tmp_path, answer):
    """100 tokens in 2.5 s from the first to the last: 99 steps."""
    (run,) = read_json(tmp_path, answer)
    assert (run.tool, run.variant, run.place) == ("ollama", "api", "")
    assert figures(run) == {(Metric.TTFT, "mean"): 0.2, (Metric.E2E, "mean"): 3.75}
    rows = run.requests
    assert rows.tokens.tolist() == [100] and rows.counting is Counting.SERVER
    assert rows.prompt_tokens.tolist() == [20]
    assert (rows.ttft_s.tolist(), rows.latency_s.tolist()) == ([0.2], [2.7])
    assert rows.finish_reasons == (answer["done_reason"],)
    assert run.setting.model == answer["model"]
    assert "The model was loaded for 1.00 s, which is in total_duration only." in run.notes
    found = judge(check_run(run))
    assert found.reported_s == pytest.approx(2.5 / 99)
    assert found.batch.value == 1.0


def test_a_cached_prompt_of_a_long_context(tmp_path):
    """18.173 s for 1,873 tokens: 1,872 steps of 9.71 ms, whatever the loading took."""
    answer = chatted(
        total_duration=31_000_000_000,
        load_duration=5_000_000_000,
        prompt_eval_count=32768,
        prompt_eval_duration=235_000_000,
        eval_count=1873,
        eval_duration=18_173_000_000,
    )
    found = judge(check_run(read_json(tmp_path, answer)[0]))
    assert found.reported_s == pytest.approx(18.173 / 1872)
    assert found.context.value == pytest.approx(32768 + 1871 / 2)


def test_a_stream(tmp_path):
    for content in (lines(*streamed()), lines(*streamed()).replace(b"\n", b"\n\n")):
        (run,) = read_bytes(tmp_path, content)
        assert run.requests.tokens.tolist() == [100]
        assert run.requests.text_chars is None  # The last message has the rest of it only.
        assert "2 messages of streams are left out: they have no durations." in run.notes


def test_one_run_a_model(tmp_path):
    answers = [generated(), chatted(eval_count=50), generated(eval_count=80)]
    for runs in (read_json(tmp_path, answers), read_bytes(tmp_path, lines(*answers))):
        assert [run.setting.model for run in runs] == ["qwq:32b", "llama3.1:8b"]
        assert [run.place for run in runs] == ["qwq:32b", "llama3.1:8b"]
        assert runs[0].requests.tokens.tolist() == [100, 80]
        assert runs[0].figures == ()
        assert figures(runs[1])[Metric.TTFT, "mean"] == 0.2


def test_what_go_leaves_out(tmp_path):
    """A duration of 0 is not written: that of a prompt in the cache, of a model that is there."""
    answer = generated()
    for key in ("load_duration", "prompt_eval_count", "prompt_eval_duration"):
        del answer[key]
    (run,) = read_json(tmp_path, answer)
    assert figures(run) == {(Metric.E2E, "mean"): 3.75}
    assert run.requests.prompt_tokens.tolist() == [-1]


def test_verbose(tmp_path):
    (run,) = read_bytes(tmp_path, VERBOSE.encode())
    assert (run.tool, run.variant) == ("ollama", "--verbose")
    assert figures(run) == {
        (Metric.TTFT, "mean"): 0.2,
        (Metric.E2E, "mean"): 63.75,
        (Metric.TPOT, "mean"): 0.025,
    }
    assert run.setting.model == "qwq:32b"
    assert run.requests.tokens.tolist() == [100] and run.requests.prompt_tokens.tolist() == [20]
    assert judge(check_run(run)).reported_s == pytest.approx(2.5 / 99)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2.5s", 2.5),
        ("1h2m3.5s", 3723.5),
        ("250ms", 0.25),
        ("1.5\xb5s", 1.5e-6),
        ("1.5\u03bcs", 1.5e-6),
        ("1.5\xc2\xb5s", 1.5e-6),
        ("15ns", 1.5e-8),
    ],
)
def test_durations_as_go_prints_them(tmp_path, text, seconds):
    content = VERBOSE.replace("duration:        2.5s", f"duration:        {text}")
    (run,) = read_bytes(tmp_path, content.encode())
    assert run.requests.latency_s[0] - 0.2 == pytest.approx(seconds, rel=1e-6)


def test_a_session_of_several_answers(tmp_path):
    second = VERBOSE.replace("eval count:           100", "eval count:           200")
    (run,) = read_bytes(tmp_path, (VERBOSE + second.partition("\n")[2]).encode())
    assert run.requests.tokens.tolist() == [100, 200]
    assert run.figures == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lines(*streamed()[:2]), 'no message with "eval_count"'),
        (lines(generated(eval_count="x")), "eval_count"),
        (lines(generated(eval_duration=[])), "eval_duration"),
        (VERBOSE.replace("100 token(s)", "0 token(s)").encode(), "no eval count"),
    ],
)
def test_broken(tmp_path, content, words):
    with pytest.raises(UserError, match=words):
        read_bytes(tmp_path, content)
