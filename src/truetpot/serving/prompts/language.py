"""Is a text language? Measures that need no model, for any script.

Language says the same small words again and again, and joins its letters in few ways. Ids in a row
or at random give each token once, glued to one that it does not belong to.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from typing import Any

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u3400-\u9fff"
    "\uf900-\ufaff"
)
"""Thai, Lao, Burmese, Khmer, Han, kana: no blank between words, so each character is a unit."""
MIXED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI")
"""Scripts next to which a Latin name or abbreviation may stand without a blank."""


@dataclass(frozen=True)
class Language:
    """Measures of one text, each a share between 0 and 1."""

    units: int
    """Words, or characters of scripts that do not separate words."""
    recurrence: float
    """Units that came before within the window."""
    function_words: float
    """Units that are among the commonest of some language."""
    seams: float
    """Characters, blanks aside, that are not to be expected where they are: control characters and
    U+FFFD, a capital after a small letter, a letter after one of another script."""

    @property
    def score(self) -> float:
        """Above 0 for language; see language.toml."""
        weights = settings()["score"]
        return float(
            weights["recurrence"] * self.recurrence
            + weights["function_words"] * self.function_words
            + weights["seams"] * math.sqrt(self.seams)
            + weights["constant"]
        )


@cache
def settings() -> dict[str, Any]:
    """Weights and limits of ``language.toml``, by which language is told from random text."""
    return tomllib.loads((resources.files(__package__) / "language.toml").read_text("utf-8"))


def measure(text: str) -> Language:
    """The measures of a text, from its first characters if it is long."""
    text = text[: settings()["score"]["characters"]]
    units = _unit().findall(text.casefold())
    known = _function_words()
    return Language(
        len(units),
        _recurrence(units, settings()["score"]["window"]),
        sum(unit in known for unit in units) / max(len(units), 1),
        _seams(text),
    )


def leaning(measured: Sequence[Language]) -> list[float]:
    """The score of each prompt of a set. Of a short one it says little: it leans on the others'."""
    lean = settings()["score"]["lean"]
    units = sum(one.units for one in measured)
    mean = sum(one.units * one.score for one in measured) / units if units else 0.0
    return [(one.units * one.score + lean * mean) / (one.units + lean) for one in measured]


@cache
def _unit() -> re.Pattern[str]:
    marks = "".join(c for c in map(chr, range(0x20000)) if unicodedata.category(c)[0] == "M")
    return re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])[^\W\d_]|[{re.escape(marks)}])+")


@cache
def _function_words() -> frozenset[str]:
    return frozenset(
        word for words in settings()["function_words"].values() for word in words.split()
    )


def _recurrence(units: Sequence[str], window: int) -> float:
    """Mean over whole windows, or over what there is of the first."""
    starts = range(0, max(len(units) - window + 1, 1), window)
    parts = [units[start : start + window] for start in starts]
    shares = [1 - len(set(part)) / len(part) for part in parts if part]
    return sum(shares) / max(len(shares), 1)


def _seams(text: str) -> float:
    visible = sum(not char.isspace() for char in text)
    odd = sum(map(_odd, text)) + sum(_seam(left, right) for left, right in pairwise(text))
    return min(odd / max(visible, 1), 1.0)


@cache
def _odd(char: str) -> bool:
    return char == "\ufffd" or (
        not char.isspace() and unicodedata.category(char) in ("Cc", "Cn", "Co", "Cs")
    )


@cache
def _script(char: str) -> str:
    """``LATIN``, ``CJK``; "" of what is no letter. Han and kana are one: Japanese mixes them."""
    if not char.isalpha():
        return ""
    first = unicodedata.name(char, "?").split()[0].split("-")[0]
    return "CJK" if first in ("HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "HALFWIDTH") else first


@lru_cache(maxsize=1 << 16)
def _seam(left: str, right: str) -> bool:
    if left.islower() and right.isupper():
        return True
    before, after = _script(left), _script(right)
    if not before or not after or before == after:
        return False
    if before == "LATIN" and after in MIXED:
        return False
    return not (after == "LATIN" and before in MIXED and not right.islower())
