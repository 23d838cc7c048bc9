"""The two faulty ways come out as faulty as they are meant to be."""

from itertools import pairwise

import pytest

from truetpot.errors import UserError
from truetpot.serving.prompts import corpus, faulty


def test_random_ids_ascend_by_one(tokenizer):
    """As far as the text still gives them: prompt i starts i ids after its offset."""
    made = faulty.random(tokenizer, tokens=200, count=20, seed=1)
    assert {prompt.kind for prompt in made} == {"random"}
    steps = [
        after - before
        for prompt in made
        for before, after in pairwise(tokenizer.encode(prompt.text))
    ]
    assert steps.count(1) > 0.3 * len(steps)


def test_random_prompts_know_their_length(tokenizer, count):
    made = faulty.random(tokenizer, tokens=200, count=40, seed=2)
    assert [prompt.tokens for prompt in made] == [count(prompt.text) for prompt in made]
    assert sum(prompt.tokens == 200 for prompt in made) > 20
    assert all(abs(prompt.tokens - 200) < 20 for prompt in made)


def test_random_prompts_hold_no_special_token(tokenizers):
    """None in the text, so none that the server would take for one."""
    for tokenizer in tokenizers.values():
        for prompt in faulty.random(tokenizer, tokens=2000, count=4, seed=0):
            assert not any(word in prompt.text for word in ("<|", "<s>", "</s>", "<unk>"))


def test_repeated_is_one_prompt(tokenizer, count):
    made = faulty.repeated(corpus.shipped("en"), tokenizer, tokens=300, count=50, seed=4)
    assert len(made) == 50
    assert len({prompt.text for prompt in made}) == 1
    assert {prompt.kind for prompt in made} == {"repeated"}
    assert count(made[0].text) == 300


def test_errors(tokenizers):
    with pytest.raises(UserError, match="adds 1 by itself"):
        faulty.random(tokenizers["unigram"], tokens=1, count=1)
    for make in (faulty.random, lambda *a, **k: faulty.repeated(corpus.shipped("en"), *a, **k)):
        with pytest.raises(UserError, match="at least 1"):
            make(tokenizers["unigram"], tokens=0, count=1)
    with pytest.raises(UserError, match="at least 1"):
        faulty.random(tokenizers["unigram"], tokens=10, count=0)
