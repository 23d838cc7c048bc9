import math

import pytest

from tests.serving.readers.files import figures, lines, read_bytes, read_json
from tests.serving.readers.llama_files import llama_server_answer
from truetpot.errors import UserError
from truetpot.serving.check import check_run
from truetpot.serving.records import Counting, Metric
from truetpot.serving.verdict import judge


def test_one_answer(tmp_path):
    (run,) = read_json(tmp_path, llama_server_answer())
    assert figures(run) == {
        (Metric.TTFT, "mean"): 125.5 / 1e3,
        (Metric.TPOT, "mean"): 27.520833333333332 / 1e3,
    }
    requests = run.requests
    assert requests.tokens.tolist() == [12]
    assert requests.prompt_tokens.tolist() == [40]
    assert requests.ttft_s.tolist() == [0.1255]
    assert requests.latency_s.tolist() == [0.1255 + 0.33025]
    assert requests.output_tokens[Counting.REQUESTED].tolist() == [12]
    assert requests.finish_reasons == ("limit",)
    assert (requests.text_chars.tolist(), requests.blank_chars.tolist()) == ([14], [3])
    assert run.setting.model == "qwq-32b"
    assert run.setting.tokens_per_step is None


def test_its_figure_divides_by_all_tokens(tmp_path):
    """The first token has come when the server's clock starts: n - 1 steps, divided by n."""
    (run,) = read_json(tmp_path, llama_server_answer())
    requests, reported = run.requests, run.figure(Metric.TPOT, "mean")
    decode = requests.latency_s - requests.ttft_s
    assert decode[0] / 12 == pytest.approx(reported, rel=1e-12)
    assert run.definitions[Metric.TPOT].canonical == ""


def test_since_2026_it_divides_by_the_steps(tmp_path):
    """server_slot_stats::n_gen_steps: the first token comes from the prompt's logits."""
    answer = llama_server_answer(predicted_per_token_ms=330.25 / 11)
    for value in (answer, [answer, llama_server_answer(predicted_n=1, predicted_ms=0.001)]):
        (run,) = read_json(tmp_path, value)
        assert run.variant == "timings, divided by n - 1"
        assert run.definitions[Metric.TPOT].canonical == "tpot_per_request"


def test_one_answer_and_two_of_it(tmp_path):
    """96 tokens in 2,880 ms from the first to the last: 95 steps, however many answers."""
    answer = llama_server_answer(
        predicted_n=96, predicted_ms=2880.0, predicted_per_token_ms=30.0, prompt_ms=2000.0
    )
    for value in (answer, [answer, answer]):
        found = judge(check_run(read_json(tmp_path, value)[0]))
        assert found.reported_s == pytest.approx(2.880 / 95)


def test_cached_tokens(tmp_path):
    """cache_n, and what older servers' prompt_n leaves."""
    old = llama_server_answer(prompt_n=25)
    del old["timings"]["cache_n"]
    bare = llama_server_answer()
    del bare["timings"]["cache_n"], bare["tokens_evaluated"]
    (run,) = read_json(tmp_path, [llama_server_answer(), old, bare])
    assert run.requests.prompt_tokens.tolist() == [40, 40, 10]
    assert run.requests.cached_tokens.tolist() == [30, 15, -1]
    assert read_json(tmp_path, bare)[0].requests.cached_tokens is None


def test_lines(tmp_path):
    stream = {"content": "Arc", "stop": False}
    answers = [llama_server_answer(), stream, llama_server_answer(predicted_n=4)]
    (run,) = read_bytes(tmp_path, lines(*answers))
    assert run.requests.tokens.tolist() == [12, 4]
    assert run.figures == ()
    assert "1 messages of streams are left out: the last has the timings of all." in run.notes
    assert len(read_json(tmp_path, answers[:1] * 3)[0].requests) == 3


def partial(n, **more):
    timings = {"predicted_n": n, "predicted_ms": 30.0 * n, "predicted_per_token_ms": 30.0}
    return {"content": "x", "stop": False, "tokens_predicted": n, "timings": timings, **more}


def test_a_stream_whose_first_message_has_no_timings(tmp_path):
    first = {"content": "Arc", "stop": False, "tokens_predicted": 1, "tokens_evaluated": 40}
    (run,) = read_bytes(tmp_path, lines(first, first, llama_server_answer()))
    assert run.requests.tokens.tolist() == [12]


def test_timings_of_each_token(tmp_path):
    """With timings_per_token every message has those of the tokens so far."""
    answer = [partial(1), partial(2), partial(3), llama_server_answer()]
    (run,) = read_bytes(tmp_path, lines(*answer, *answer))
    assert run.requests.tokens.tolist() == [12, 12]
    assert any(note.startswith("6 messages") for note in run.notes)


def test_an_openai_stream(tmp_path):
    """Two answers; the last message of each has an empty choice list, usage, and the timings."""

    def message(answer, n, **more):
        found = partial(n)
        head = {"id": answer, "object": "chat.completion.chunk", "model": "qwq-32b"}
        build = {"system_fingerprint": "b6710-74b8fc17f", "choices": []}
        return {**head, **build, "timings": found["timings"], **more}

    def answer(name):
        first = {**message(name, 1), "timings": None}
        return [first, *(message(name, n) for n in (1, 2, 3)), message(name, 4)]

    content = lines(*answer("a"), *answer("b")).splitlines(keepends=True)
    stream = b"".join(b"data: " + line for line in content)
    (run,) = read_bytes(tmp_path, stream + b"data: [DONE]\n")
    assert run.requests.tokens.tolist() == [4, 4]
    assert run.setting.tool_version == "build 6710 (74b8fc17f)"
    one = {**message("a", 4), "object": "chat.completion"}
    assert len(read_json(tmp_path, [one, {**one, "id": "b"}])[0].requests) == 2


def test_speculation(tmp_path):
    answer = llama_server_answer(draft_n=10, draft_n_accepted=6)
    (run,) = read_json(tmp_path, answer)
    assert run.setting.tokens_per_step == 12 / 6


def test_openai_answer(tmp_path):
    answer = llama_server_answer()
    for key in ("tokens_evaluated", "content", "stop_type", "generation_settings"):
        del answer[key]
    (run,) = read_json(tmp_path, answer)
    assert run.requests.prompt_tokens.tolist() == [40]  # 10 processed, 30 from the cache.
    (run,) = read_json(tmp_path, {**answer, "usage": {"prompt_tokens": 41}})
    assert run.requests.prompt_tokens.tolist() == [41]


def test_null_is_nan(tmp_path):
    """JSON of a division by 0 tokens."""
    (run,) = read_json(tmp_path, llama_server_answer(predicted_n=0, predicted_per_token_ms=None))
    assert math.isnan(run.figure(Metric.TPOT, "mean"))
    assert run.requests.tokens.tolist() == [0]


@pytest.mark.parametrize(
    "timings", [{"predicted_n": "x"}, {"prompt_ms": []}, {"predicted_n": None}]
)
def test_broken(tmp_path, timings):
    with pytest.raises(UserError, match="timings"):
        read_json(tmp_path, llama_server_answer(**timings))
