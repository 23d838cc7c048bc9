"""Passages: the text that prompts are made of, shipped or the user's own.

A file holds paragraphs separated by blank lines. A line that opens with ``? `` asks something that
the paragraph above it answers. One subject a file, which is named after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from truetpot.errors import UserError
from truetpot.files import read_text, shortened_path

LANGUAGES = ("en", "zh")
BOTH = "both"
QUESTION = "? "
CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
"""Characters of scripts that put no blank between words, with their punctuation."""
HAN, KANA = "\u3400-\u4dbf\u4e00-\u9fff", "\u3041-\u30ff"
MOST_BYTES = 64 << 20
"""Of a text of the user's own: a thousand times as much as is shipped."""
CHINESE = 0.3
"""Share of Han characters among the letters of a file from which on it may be Chinese."""

_inner_break = re.compile(rf"(?<=[{CJK}])\s*\n\s*(?=[{CJK}])")


@dataclass(frozen=True)
class Passage:
    """One paragraph of a text, and a question about it."""

    text: str
    question: str
    """"" where none was written for it."""
    subject: str
    language: str
    """``en`` or ``zh``: of the instructions around it."""


@cache
def shipped(language: str) -> tuple[Passage, ...]:
    """The package's own passages in ``en``, ``zh`` or ``both``."""
    found: list[Passage] = []
    for code in LANGUAGES if language == BOTH else (language,):
        folder = resources.files("truetpot.serving.prompts") / "corpus" / code
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".txt"):
                subject = file.name.removesuffix(".txt")
                found += parse(file.read_text(encoding="utf-8"), subject, code)
    return tuple(found)


def from_files(files: Sequence[Path], language: str = BOTH) -> tuple[Passage, ...]:
    """Passages of the user's files; a paragraph that comes again is left out.

    Raises UserError for a file that cannot be read, and where no passage is of the language.
    """
    found: dict[str, Passage] = {}
    for file in files:
        text = read_text(file, "a text of your own in UTF-8", MOST_BYTES)
        code = "zh" if _is_chinese(text) else "en"
        if language in (BOTH, code):
            for passage in parse(text, file.stem, code):
                found.setdefault(passage.text, passage)
    if not found:
        raise UserError(
            f"No passage of --language {language} in {_listed(files)}: "
            "paragraphs are separated by blank lines."
        )
    return tuple(found.values())


def _listed(files: Sequence[Path]) -> str:
    names = ", ".join(map(shortened_path, files[:5]))
    return names if len(files) <= 5 else f"{names} and {len(files) - 5} more files"


def parse(text: str, subject: str, language: str) -> Iterable[Passage]:
    """The passages of one file, in its order."""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").lstrip("\ufeff")):
        paragraph, _, question = f"\n{block.strip()}".partition(f"\n{QUESTION}")
        if body := _one_line(paragraph):
            yield Passage(body, _one_line(question), subject, language)


def _one_line(text: str) -> str:
    """Lines joined as their script joins them: by a blank, or by nothing between two ideographs."""
    return " ".join(_inner_break.sub("", text.strip()).split())


def _is_chinese(text: str) -> bool:
    """Han, and not the kana that stand between them in Japanese."""
    runs = (re.finditer(f"[{c}]+", text) for c in (r"^\W\d_", HAN, KANA))
    letters, han, kana = (sum(len(run[0]) for run in found) for found in runs)
    return han > CHINESE * letters and kana < 0.1 * han
