"""Prompts have the length that was asked for, by the library's own count, and are all different."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from truetpot.errors import UserError
from truetpot.serving.prompts import corpus, forms
from truetpot.serving.prompts.compose import DISTINCT, compose, extract
from truetpot.serving.prompts.frames import frames
from truetpot.serving.prompts.tokenizer import load

SLOW_FIXTURES = [HealthCheck.function_scoped_fixture]
LANGUAGES = st.sampled_from(["en", "zh", "both"])


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(tokens=st.integers(64, 4000), seed=st.integers(0, 2**63), language=LANGUAGES)
def test_the_length_is_exact(tokenizer, count, tokens, seed, language):
    made = compose(corpus.shipped(language), tokenizer, tokens=tokens, count=3, seed=seed)
    assert [prompt.tokens for prompt in made] == [tokens] * 3
    assert [count(prompt.text) for prompt in made] == [tokens] * 3


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(tokens=st.integers(1, 63), seed=st.integers(0, 9))
def test_short_prompts_are_exact_or_refused(tokenizer, count, tokens, seed):
    try:
        (prompt,) = compose(corpus.shipped("en"), tokenizer, tokens=tokens, count=1, seed=seed)
    except UserError as error:
        least = re.search(r"has at least (\d+) tokens", str(error))
        assert least and tokens < int(least[1]) < 40
    else:
        assert count(prompt.text) == tokens
        assert prompt.text.endswith(("?", "."))


def test_a_tokenizer_that_forgets_blanks_and_capitals(tmp_path):
    """WordPiece with a token at both ends, as BERT's."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=3000, special_tokens=special, show_progress=False
    )
    made.train_from_iterator([passage.text for passage in corpus.shipped("en")], trainer)
    made.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load(tmp_path)
    assert tokenizer.added == 2
    for tokens in (50, 333, 2048):
        for prompt in compose(corpus.shipped("en"), tokenizer, tokens=tokens, count=20):
            assert len(made.encode(prompt.text).ids) == tokens
    odd = [corpus.Passage("\u200b\u200b", "", "nothing", "en")]
    with pytest.raises(UserError, match="which is 0 by this tokenizer"):
        compose(odd, tokenizer, tokens=40, count=1)


def test_sixteen_tokens_hold_no_question(tokenizer):
    with pytest.raises(UserError, match=r"has at least \d+ tokens .* --tokens 16 is too few"):
        compose(corpus.shipped("both"), tokenizer, tokens=16, count=1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_prompt_is_about_something(tokenizer, language):
    """Whole passages of one subject, then one that may be cut, then a question on a whole one."""
    passages = corpus.shipped(language)
    questions = {passage.question: passage for passage in passages}
    for prompt in compose(passages, tokenizer, tokens=640, count=24, seed=3):
        *body, closing = prompt.text.split("\n\n")
        (asked,) = (question for question in questions if closing.endswith(question))
        own = [passage for passage in passages if passage.subject == prompt.subject]
        assert questions[asked] in own
        assert questions[asked].text in prompt.text, "what answers the question is there, uncut"
        whole = [passage for passage in passages if passage.text in prompt.text]
        assert len(whole) >= 2
        assert all(passage in own for passage in whole), "640 tokens are one subject"
        assert len(body) - len(whole) in (0, 1)
        assert all(prompt.text.count(passage.text) == 1 for passage in whole)
        if len(body) > len(whole):
            part = body[-1].removesuffix(frames()[language].cut)
            assert part != body[-1] and len(part.split() if language == "en" else part) >= 8
            assert sum(passage.text.startswith(part) for passage in passages) == 1


def test_long_prompts_have_no_paragraph_twice(tokenizer):
    """13,000 tokens are most of the text: subjects follow one another."""
    (prompt,) = compose(corpus.shipped("en"), tokenizer, tokens=13_000, count=1)
    *body, _ = prompt.text.split("\n\n")
    starts = [paragraph[-60:] for paragraph in body]
    assert len(body) > 50
    assert len(set(starts)) == len(starts)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.exhaustive), "both"])
def test_no_two_prompts_begin_alike(tokenizer, language):
    """Far more prompts than paragraphs: 150 tokens a paragraph, 400 prompts of 500."""
    made = compose(corpus.shipped(language), tokenizer, tokens=500, count=400)
    starts = {tuple(tokenizer.encode(prompt.text)[:DISTINCT]) for prompt in made}
    assert len(starts) == len(made) == 400
    assert len({prompt.subject for prompt in made}) == 12
    if language == "both":
        assert {prompt.language for prompt in made} == {"en", "zh"}


def test_the_seed_decides(tokenizer):
    def texts(seed):
        made = compose(corpus.shipped("en"), tokenizer, tokens=200, count=8, seed=seed)
        return [prompt.text for prompt in made]

    assert texts(1) == texts(1)
    assert not set(texts(1)) & set(texts(2))


PROGRAM = """
import sys
from pathlib import Path
from truetpot.serving.prompts import corpus, faulty, forms
from truetpot.serving.prompts.compose import compose
from truetpot.serving.prompts.tokenizer import load
tokenizer = load(Path(sys.argv[1]))
made = compose(corpus.shipped("both"), tokenizer, tokens=300, count=20, seed=7)
made += faulty.random(tokenizer, tokens=100, count=5, seed=7)
sys.stdout.buffer.write(forms.vllm(made, 64).encode())
"""


def test_the_same_bytes_in_every_process(folder):
    sums = set()
    for hashing in ("0", "1", "random"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(folder)],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hashing},
        )
        assert done.stdout.count(b"\n") == 25
        sums.add(hashlib.sha256(done.stdout).hexdigest())
    assert len(sums) == 1


def test_longer_than_the_text(tokenizer):
    with pytest.raises(UserError) as error:
        compose(corpus.shipped("zh"), tokenizer, tokens=100_000, count=1)
    said = re.search(r"Chinese text has, which is ([\d,]+) .* about ([\d.]+) kB more", str(error))
    supply = int(said[1].replace(",", ""))
    assert supply == pytest.approx(15_000, rel=0.3)
    size = sum(len(passage.text.encode()) for passage in corpus.shipped("zh"))
    missing = (100_000 - supply) / supply * size / 1000
    assert float(said[2]) == pytest.approx(missing, rel=0.01)
    with pytest.raises(UserError, match="Chinese text"):
        compose(corpus.shipped("both"), tokenizer, tokens=20_000, count=1)
    made = compose(corpus.shipped("en"), tokenizer, tokens=20_000, count=1)
    assert tokenizer.count(made[0].text) == 20_000


def test_more_prompts_than_beginnings(tokenizer):
    with pytest.raises(UserError) as error:
        compose(corpus.shipped("en")[:10], tokenizer, tokens=100, count=1000)
    said = re.search(r"10 paragraphs make (\d+) prompts .* about ([\d,]+) more", str(error))
    made = int(said[1])
    assert 50 < made <= 160, "an opener and a passage each"
    assert len(compose(corpus.shipped("en")[:10], tokenizer, tokens=100, count=made)) == made
    more = int(said[2].replace(",", ""))
    assert more == pytest.approx((1000 - made) / (made / 10), abs=1)


@pytest.mark.parametrize(("tokens", "count"), [(100, 0), (100, -1), (0, 1), (-5, 1)])
def test_numbers_that_are_none(tokenizer, tokens, count):
    with pytest.raises(UserError, match="give at least 1"):
        compose(corpus.shipped("en"), tokenizer, tokens=tokens, count=count)


def test_own_text(tokenizer, count, tmp_path):
    """Without questions of its own it gets general ones, in its language."""
    english, chinese = tmp_path / "alpha.txt", tmp_path / "beta.txt"
    for file, language in ((english, "en"), (chinese, "zh")):
        texts = [passage.text for passage in corpus.shipped(language)[:12]]
        file.write_text("\n\n".join(texts), encoding="utf-8")
    made = compose(corpus.from_files([english, chinese]), tokenizer, tokens=400, count=40)
    assert {(prompt.subject, prompt.language) for prompt in made} == {
        ("alpha", "en"), ("beta", "zh")
    }  # fmt: skip
    for prompt in made:
        assert count(prompt.text) == 400
        assert prompt.text.endswith(tuple(frames()[prompt.language].questions))


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(
    paragraphs=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=6
    ),
    tokens=st.integers(30, 300),
)
def test_any_text_at_all(tokenizer, count, paragraphs, tokens):
    """Scripts that nobody thinks of, no words, no letters: exact, or one clear sentence."""
    passages = list(corpus.parse("\n\n".join(paragraphs), "odd", "en"))
    passages = list({passage.text: passage for passage in passages}.values())
    if not passages:
        return
    try:
        made = compose(passages, tokenizer, tokens=tokens, count=2)
    except UserError:
        return
    assert [count(prompt.text) for prompt in made] == [tokens] * 2
    assert len({prompt.text for prompt in made}) == 2


@settings(max_examples=30, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(tokens=st.integers(4, 2044))
def test_extracts_are_exact_too(tokenizer, count, tokens):
    assert count(extract(corpus.shipped("en"), tokenizer, tokens)) == tokens


def test_frames():
    """Openers are as many in each language, short, and unlike; every closing ends in a question."""
    assert set(frames()) == set(corpus.LANGUAGES)
    for frame in frames().values():
        assert len(set(frame.openers)) == len(frame.openers) == 16
        assert all(closing.endswith("{question}") for closing in frame.closings)
        assert min(frame.closings, key=len) == frame.closings[0]
        assert len(frame.questions) >= 6


def test_prompts_survive_their_file(tokenizer, count):
    made = compose(corpus.shipped("both"), tokenizer, tokens=321, count=10)
    lines = forms.vllm(made, 64).split("\n")[:-1]
    assert [count(json.loads(line)["prompt"]) for line in lines] == [321] * 10
