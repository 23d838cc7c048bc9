"""The shipped text is what it is said to be, and files of one's own are read as they are meant."""

import re
import zlib
from collections import Counter
from pathlib import Path

import pytest

from tests.hostile import SPECIAL, TEXTS, read_or_refused, refused, special_files
from truetpot.errors import UserError
from truetpot.serving.prompts import corpus

SUBJECTS = {"astronomy", "bridges", "cooking", "geology", "insects", "instruments"} | {
    "law_of_the_sea", "medicine", "music", "printing", "timekeeping", "trade"
}  # fmt: skip


def units(passage):
    """Words, or characters of Chinese."""
    pattern = r"\w+" if passage.language == "en" else r"\w"
    return re.findall(pattern, passage.text.casefold())


@pytest.mark.parametrize(("language", "least"), [("en", 70_000), ("zh", 40_000)])
def test_there_is_enough(language, least):
    passages = corpus.shipped(language)
    assert sum(len(passage.text.encode()) for passage in passages) >= least
    counts = Counter(passage.subject for passage in passages)
    assert set(counts) == SUBJECTS
    assert min(counts.values()) >= 8, "each subject has several passages, each with its question"


@pytest.mark.parametrize(("language", "shortest", "longest"), [("en", 60, 150), ("zh", 80, 220)])
def test_paragraphs_are_of_a_length_to_read(language, shortest, longest):
    for passage in corpus.shipped(language):
        length = len(passage.text.split()) if language == "en" else len(passage.text)
        assert shortest <= length <= longest, passage.text[:40]


def test_every_passage_has_a_question_of_its_own():
    questions = [passage.question for passage in corpus.shipped("both")]
    assert len(set(questions)) == len(questions)
    assert all(question.endswith(("?", "？", ".")) for question in questions)


def test_nothing_comes_twice():
    passages = corpus.shipped("both")
    assert len({passage.text for passage in passages}) == len(passages)
    sentences = [
        sentence.strip()
        for passage in passages
        for sentence in re.split(r"(?<=[.!?。！？])", passage.text)
        if sentence.strip()
    ]
    assert len(sentences) > 1000
    assert [sentence for sentence, times in Counter(sentences).items() if times > 1] == []


@pytest.mark.parametrize(("language", "run"), [("en", 6), ("zh", 10)])
def test_no_phrase_is_a_template(language, run):
    """No run of so many words, or characters, comes a second time."""
    runs = Counter()
    for passage in corpus.shipped(language):
        said = units(passage)
        runs.update(tuple(said[i : i + run]) for i in range(len(said) - run + 1))
    assert [said for said, times in runs.items() if times > 1] == []


@pytest.mark.parametrize(("language", "most"), [("en", 2.6), ("zh", 2.2)])
def test_it_does_not_compress_like_filler(language, most):
    """A paragraph of English prose said over and over is shortened by more than 100."""
    text = "\n".join(passage.text for passage in corpus.shipped(language)).encode()
    assert len(text) / len(zlib.compress(text, 9)) < most
    filler = corpus.shipped(language)[0].text.encode() * 100
    assert len(filler) / len(zlib.compress(filler, 9)) > 10 * most


def test_the_files_are_written_to_be_read():
    folder = Path(corpus.__file__).parent / "corpus"
    files = sorted(folder.glob("*/*.txt"))
    assert len(files) == 2 * len(SUBJECTS)
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.endswith("\n") and not text.endswith("\n\n")
        assert max(map(len, text.splitlines())) <= 100
        assert "\t" not in text and "\r" not in text and "\ufffd" not in text


OWN = """First line of a paragraph
that goes on here.

Another paragraph. \r
? What does it
say?


First line of a paragraph that goes on here.
"""


def test_own_files(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("\ufeff" + OWN, encoding="utf-8")
    first, second = corpus.from_files([file])
    assert first == corpus.Passage(
        "First line of a paragraph that goes on here.", "", "notes", "en"
    )
    assert second == corpus.Passage("Another paragraph.", "What does it say?", "notes", "en")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("山里有雾，\n看不见路。", "zh"),
        ("A word of Chinese, 山, is not a Chinese text.", "en"),
        ("山の中は霧で、道が見えません。漢字だけではありません。", "en"),
        ("산에는 안개가 끼어 길이 보이지 않습니다.", "en"),
        ("1234 5678", "en"),
    ],
)
def test_own_files_are_framed_in_their_language(tmp_path, text, language):
    file = tmp_path / "own.txt"
    file.write_text(text, encoding="utf-8")
    (passage,) = corpus.from_files([file])
    assert passage.language == language
    assert "\n" not in passage.text
    if language == "zh":
        assert passage.text == "山里有雾，看不见路。", "no blank where two lines of Chinese meet"
    other = {"en": "zh", "zh": "en"}[language]
    with pytest.raises(UserError, match=f"No passage of --language {other}"):
        corpus.from_files([file], other)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"none\.txt cannot be read: No such file"):
        corpus.from_files([tmp_path / "none.txt"])
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match=r"latin\.txt is no text in UTF-8 \(byte 3\)"):
        corpus.from_files([tmp_path / "latin.txt"])
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(UserError, match="No passage"):
        corpus.from_files([tmp_path / "empty.txt"])


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(tmp_path, name):
    path = special_files(tmp_path)[name]
    refused(lambda: corpus.from_files([path]))


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts(tmp_path, name):
    (tmp_path / "own.txt").write_bytes(TEXTS[name])
    read_or_refused(lambda: corpus.from_files([tmp_path / "own.txt"]))


def test_a_long_list_of_files_is_shortened(tmp_path):
    files = [tmp_path / f"{i}.txt" for i in range(500)]
    for file in files:
        file.write_text(" ")
    assert "and 495 more files" in refused(lambda: corpus.from_files(files))
