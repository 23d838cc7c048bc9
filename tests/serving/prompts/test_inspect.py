"""Random, repeated and meaningful are told apart, for each tokenizer, form and script."""

import json
import random
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.errors import UserError
from truetpot.serving.prompts import corpus, faulty, forms
from truetpot.serving.prompts.compose import compose
from truetpot.serving.prompts.inspect import _shared_prefixes, inspect, thresholds
from truetpot.serving.prompts.language import measure, settings

ROOT = Path(__file__).parents[3]
OTHERS = {
    "German": "Der Zug hielt kurz vor der Brücke, weil das Signal noch auf Rot stand. Niemand im "
    "Wagen sah von der Zeitung auf. Als es weiterging, war die Sonne schon hinter dem Wald "
    "verschwunden, und die Lichter der Stadt spiegelten sich im Fluss.",
    "French": "La boulangère ouvre à six heures et ferme quand il ne reste plus de pain. Les "
    "clients le savent et ne viennent pas trop tard. Le dimanche, on fait la queue jusque sur la "
    "place, et les enfants mangent le bout de la baguette avant d'arriver à la maison.",
    "Russian": "Старик сидел на берегу и чинил сеть. Вода была спокойна, и лодка почти не "
    "двигалась. Он не спешил, потому что рыба всё равно не придёт до вечера, а дома его никто не "
    "ждал, кроме кошки.",
    "Japanese": "駅の前に小さな本屋があります。店の人はとても親切で、探している本がないときは、"
    "ほかの店に電話をかけてくれます。雨の日には、お客さんが少ないので、ゆっくり本を読むことができます。",
    "Korean": "강가에 있는 마을에는 오래된 다리가 하나 있다. 사람들은 아침마다 그 다리를 건너 "
    "시장에 가고, 저녁에는 다시 그 다리를 건너 집으로 돌아온다. "
    "다리 밑에서는 아이들이 물고기를 잡는다.",
    "Arabic": "في القرية القديمة بيت كبير من الحجر، وأمام البيت شجرة زيتون. كان الجد يجلس تحت "
    "الشجرة في المساء ويحكي للأطفال عن البحر وعن السفن التي كان يعمل عليها في شبابه.",
}


def kinds(tokenizer, tokens):
    """A set of each kind, and what it ought to be called."""
    for language in ("en", "zh", "both"):
        made = compose(corpus.shipped(language), tokenizer, tokens=tokens, count=24, seed=9)
        yield f"text {language}", made, "meaningful"
    # at 200 tokens some six of a hundred read like text: their share needs many to be one
    many = 480 if tokens < 512 else 48
    yield "random", faulty.random(tokenizer, tokens=tokens, count=many, seed=9), "random"
    made = faulty.repeated(corpus.shipped("zh"), tokenizer, tokens=tokens, count=24, seed=9)
    yield "repeated", made, "repeated"


def repeated(texts, tokenizer):
    """Share of the texts that begin with the same eight tokens as another."""
    starts = Counter(tuple(tokenizer.encode(text)[:8]) for text in texts)
    return sum(count for count in starts.values() if count > 1) / len(texts)


@pytest.mark.parametrize("tokens", [200, 1024])
def test_the_three_kinds(tokenizer, tokens):
    for name, made, kind in kinds(tokenizer, tokens):
        texts = [prompt.text for prompt in made]
        for known in (None, tokenizer):
            found = inspect(texts, known)
            assert found.kind == kind, (name, known is not None)
            # two random walks may begin at the same id by chance, and then they do repeat
            twins = 0.0 if kind == "repeated" else repeated(texts, tokenizer)
            assert found.shares[kind] >= 0.9 - twins, (name, found.shares, twins)
            assert sum(found.shares.values()) == pytest.approx(1)
            assert (found.middle("ascending") is None) == (known is None)
        assert found.distinct == len(set(texts)) / len(texts)


def test_text_and_random_lie_far_apart(tokenizer):
    """The thresholds are in a gap, not at the edge of what they part."""
    sets = {name: [prompt.text for prompt in made] for name, made, _ in kinds(tokenizer, 512)}
    scores = {
        name: sorted(judged.language_score for judged in inspect(texts).prompts)
        for name, texts in sets.items()
    }
    assert min(scores["text en"] + scores["text zh"] + scores["text both"]) > 2
    assert median(scores["random"]) < -1.5
    texts = sets["text en"] + sets["text zh"]
    found = inspect(texts, tokenizer)
    assert max(judged.shared_prefix for judged in found.prompts) < 0.1
    assert max(judged.compression for judged in found.prompts) < 4
    assert max(judged.ascending for judged in found.prompts) < 0.03


def test_ids_drawn_at_random_are_random_too(tokenizer):
    """Without the steps of vLLM's: the language score alone decides."""
    chance = random.Random(5)
    texts = [tokenizer.decode(chance.choices(tokenizer.ordinary, k=400)) for _ in range(20)]
    found = inspect(texts, tokenizer)
    assert found.kind == "random"
    assert found.middle("ascending") < settings()["random"]["ascending"]


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documents_are_meaningful(page, tmp_path):
    """Text that was not written for this: as it is, and a page cut into JSON lines."""
    found = inspect(forms.read(page))
    assert found.kind == "meaningful"
    text = page.read_text()
    file = tmp_path / "set.jsonl"
    pieces = [text[start : start + 800] for start in range(0, len(text), 800)]
    file.write_text("".join(json.dumps({"text": piece}) + "\n" for piece in pieces))
    assert inspect(forms.read(file)).shares["meaningful"] >= 0.9


def test_source_code_is_meaningful():
    files = sorted((ROOT / "src" / "truetpot").glob("*/*.py"))
    texts = [text for file in files if len(text := file.read_text()) > 1000]
    assert len(texts) > 20
    assert inspect(texts).shares["meaningful"] >= 0.9


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_are_meaningful(name):
    assert inspect([OTHERS[name]]).kind == "meaningful"
    assert inspect(OTHERS[name].replace("。", ".").split(".")).kind == "meaningful"


def test_short_questions_lean_on_their_set():
    """A prompt of one word says nothing by itself."""
    questions = [
        "What is the capital of India?", "hi", "Write a haiku about autumn leaves.",
        "Who wrote Pride and Prejudice?", "What's 17 * 23?", "Why is the sky blue?",
    ]  # fmt: skip
    assert inspect(questions).shares == {"meaningful": 1.0, "random": 0.0, "repeated": 0.0}


def test_a_mixed_set_says_how_mixed(tokenizers):
    tokenizer = tokenizers["byte_level"]
    sets = {kind: made for _, made, kind in kinds(tokenizer, 400)}
    texts = [
        prompt.text
        for kind, share in (("meaningful", 12), ("random", 5), ("repeated", 3))
        for prompt in sets[kind][:share]
    ]
    found = inspect(texts, tokenizer)
    assert found.kind == "meaningful"
    assert found.shares == pytest.approx({"meaningful": 0.6, "random": 0.25, "repeated": 0.15})
    assert found.distinct == pytest.approx(18 / 20)


def test_one_word_said_often_is_repeated():
    assert inspect(["hello " * 500]).kind == "repeated"
    assert inspect(["今天天气很好。" * 80, "明天也很好。" * 90]).kind == "repeated"


def test_a_long_common_preamble_is_repeated():
    preamble = corpus.shipped("en")[0].text
    questions = [passage.question for passage in corpus.shipped("en")[:8]]
    assert inspect([preamble + question for question in questions]).kind == "repeated"
    assert inspect([question + preamble for question in questions]).kind == "meaningful"


def test_nothing_to_inspect():
    with pytest.raises(UserError, match="no prompt"):
        inspect([])
    assert inspect([""]).kind == "random"


@given(st.lists(st.text("ab", max_size=6) | st.lists(st.integers(0, 1), max_size=6), min_size=1))
def test_shared_prefixes_against_every_pair(rows):
    """Neighbours in sorted order do as all pairs would."""
    for kind in (str, list):
        same = [row for row in rows if isinstance(row, kind)]
        longest = [0] * len(same)
        for i, j in combinations(range(len(same)), 2):
            common = 0
            while common < min(len(same[i]), len(same[j])) and same[i][common] == same[j][common]:
                common += 1
            longest[i], longest[j] = max(longest[i], common), max(longest[j], common)
        shares = [length / max(len(row), 1) for length, row in zip(longest, same, strict=True)]
        assert _shared_prefixes(same) == shares


@pytest.mark.parametrize(
    ("text", "units", "recurrence", "function_words", "seams"),
    [
        ("", 0, 0, 0, 0),
        ("The cat and the dog", 5, 1 / 5, 3 / 5, 0),
        ("山的山水的", 5, 2 / 5, 2 / 5, 0),
        ("aB cD", 2, 0, 0, 2 / 4),  # a capital after a small letter
        ("abд", 1, 0, 0, 1 / 3),  # two scripts in a word
        ("用Python写", 3, 0, 0, 0),  # a name in Chinese is none
        ("写of的", 3, 0, 2 / 3, 1 / 4),  # a small letter after Chinese is one
        ("漢字かな", 4, 0, 1 / 4, 0),
        ("ab\ufffd\x00", 1, 0, 0, 2 / 4),
        ("a_b 1.5", 2, 0, 1 / 2, 0),
    ],
)
def test_measures_by_hand(text, units, recurrence, function_words, seams):
    found = measure(text)
    assert found.units == units
    assert found.recurrence == pytest.approx(recurrence)
    assert found.function_words == pytest.approx(function_words)
    assert found.seams == pytest.approx(seams)
    weights = settings()["score"]
    assert found.score == pytest.approx(
        weights["recurrence"] * recurrence
        + weights["function_words"] * function_words
        + weights["seams"] * seams**0.5
        + weights["constant"]
    )


def test_recurrence_does_not_depend_on_length():
    text = " ".join(f"w{i % 40}" for i in range(1000)).replace("w", "")
    assert measure(text).units == 0, "numbers are no words"
    letters = [a + b for a in "abcdefgh" for b in "abcde"]
    words = [letters[i % 40] for i in range(1000)]
    assert measure(" ".join(words)).recurrence == pytest.approx(10 / 50)
    assert measure(" ".join(words[:100])).recurrence == pytest.approx(10 / 50)


def test_the_thresholds_are_those_of_the_table():
    assert set(thresholds()) <= {
        "shared_prefix", "compression", "ascending", "language_score", "recurrence",
        "function_words", "seams",
    }  # fmt: skip
    assert "0.5" in thresholds()["shared_prefix"]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_has_a_kind(texts):
    found = inspect(texts)
    assert found.kind in found.shares
    assert all(0 <= judged.seams <= 1 and judged.compression >= 0 for judged in found.prompts)
