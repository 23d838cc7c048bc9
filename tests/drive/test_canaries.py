"""Single requests name what a server does wrong, and nothing where it does nothing wrong."""

import pytest

from tests.drive.faulty import Faulty, running
from truetpot.drive.server import look
from truetpot.errors import UserError
from truetpot.records.drive import Weight

pytest.importorskip("openai")
from truetpot.drive.canaries import doubled, odd_share, sing

PROMPTS = ["What does a card wait for?", "Who reads the weights?", "And how often?", "Why?"]


def probed(tokenizer, endpoint="completions", timeout_s=30, **fault):
    server = Faulty(tokenizer, **fault)
    with running(server) as url:
        return sing(look(url), endpoint, PROMPTS, timeout_s, tokenizer.count)


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
def test_a_server_that_obeys(tokenizer, endpoint):
    found = probed(tokenizer, endpoint)
    assert found.rows == ()
    assert found.tokens_a_chunk == pytest.approx(1, abs=0.1)
    assert found.first_chunk_is_token
    assert found.prefix_cache is None
    assert len(set(found.hashes)) == 1 and len(found.hashes[0]) == 64


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("blank", "blank text"),
        ("doubled", "doubled text"),
        ("control", "garbage"),
        ("stops early", "ignore_eos not obeyed"),
        ("too long", "max_tokens not obeyed"),
        ("wrong count", "wrong count"),
        ("another tokenizer", "another tokenizer"),
    ],
)
def test_a_fault_stops_the_timing(tokenizer, fault, what):
    assert what in [row.what for row in probed(tokenizer, fault=fault).stops]


def test_another_text_for_the_same_request_is_a_warning(tokenizer):
    (row,) = probed(tokenizer, fault="unrepeatable").rows
    assert (row.weight, row.what) == (Weight.WARNING, "not repeatable")


def test_another_text_in_a_batch_is_a_note(tokenizer):
    (row,) = probed(tokenizer, fault="unrepeatable", after=2).rows
    assert (row.weight, row.what) == (Weight.NOTE, "depends on the batch")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "answers a single request with 500"),
        ("429", "answers a single request with 429"),
        ("hang", "for 1 s"),
        ("garbage", "streams what is no answer"),
        ("drop", "single request|no answer"),
    ],
)
def test_a_request_that_fails_is_one_sentence(tokenizer, fault, said):
    with pytest.raises(UserError, match=said) as told:
        probed(tokenizer, fault=fault, timeout_s=1 if fault == "hang" else 30)
    assert str(told.value).count(". ") == 0 and "\n" not in str(told.value)


def test_a_text_that_repeats_itself_is_not_doubled():
    assert not doubled([" ha"] * 20)
    assert not doubled(list("abcdefgh"))
    assert doubled([one for one in "abcdefgh" for _ in range(2)])


def test_letters_of_any_script_are_no_garbage():
    assert odd_share("café 你好 🙂\n") == 0
    assert odd_share("\ufffd\x00ab") == 0.5
