"""Text of an exact number of tokens: whole passages, then as much of one more as is wanted.

No tokenizer can be told how many tokens to make, and few make as many of two texts joined as of the
two apart. So the cut is searched for, and every count is taken from the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from truetpot.serving.prompts.corpus import CJK, Passage
from truetpot.serving.prompts.frames import frames
from truetpot.serving.prompts.tokenizer import Tokenizer

BREAK = "\n\n"
LEAST_PIECES = 8
"""Words, or characters, of a passage that a cut leaves."""
LEAST_PART = 24
"""Tokens of a part worth reading; where fewer are left, the passage before it is cut instead."""
PARTS = 6
"""Passages tried as the part."""
PAUSES = " ,;:，、；："
"""Not left standing before the mark of a cut."""

_word = re.compile(rf"\s*(?:[{CJK}]|[^\s{CJK}]+)")


def words(text: str) -> list[str]:
    """A text in words with the blank before them; in characters where there is no blank."""
    return _word.findall(text)


def characters(text: str) -> list[str]:
    """A text in characters: for a length that no word's end gives."""
    return list(text)


class Fitter:
    """Makes texts of ``tokens`` tokens; remembers what each paragraph costs."""

    def __init__(self, tokenizer: Tokenizer, tokens: int) -> None:
        self.tokenizer = tokenizer
        self.tokens = tokens
        self.room = tokens - tokenizer.added - LEAST_PART
        """Tokens for whole paragraphs."""
        self._costs: dict[str, int] = {}

    def cost(self, text: str) -> int:
        """Tokens that a paragraph adds, up to one or two that its edges may cost."""
        if text not in self._costs:
            self._costs[text] = self.tokenizer.count(text + BREAK) - self.tokenizer.added
        return self._costs[text]

    def fitting(self, passages: Sequence[Passage], room: int) -> int:
        """How many of the passages, from the first on, take no more tokens than ``room``."""
        for fitting, passage in enumerate(passages):
            room -= self.cost(passage.text)
            if room < 0:
                return fitting
        return len(passages)

    def fill(
        self,
        head: str,
        order: Sequence[Passage],
        tail: str,
        split: Callable[[str], list[str]],
        *,
        bare: bool = False,
    ) -> str | None:
        """Head, passages in their order, the last one cut if need be, and tail.

        ``split`` says where it may be cut. A cut is marked and leaves a few pieces, unless
        ``bare``. None where no cut gives the length.
        """
        whole = self.fitting(order[:-1], self.room - self.cost(head) - self.cost(tail))
        before = head + "".join(passage.text + BREAK for passage in order[:whole])
        least = 1 if bare else LEAST_PIECES
        for part in order[whole : whole + PARTS] if whole else order[:1]:
            mark = "" if bare else frames()[part.language].cut
            text = self._cut(before, split(part.text), mark, tail, least)
            if text is not None:
                return text
        return None

    def _cut(
        self, before: str, pieces: Sequence[str], mark: str, after: str, least: int
    ) -> str | None:
        """The text with as many of the pieces as give the length; None if no number does.

        The search counts the part and what follows it, for what stands before hardly changes with
        it. Only a text that seems right is counted as a whole again.
        """

        def rest(taken: int) -> str:
            part = "".join(pieces[:taken]).strip()
            return (part if taken == len(pieces) else part.rstrip(PAUSES) + mark) + after

        count = self.tokenizer.count
        taken = len(pieces)
        wanted = self.tokens - count(before + rest(taken)) + count(rest(taken))
        each = max(self.cost("".join(pieces)), 1) / len(pieces)
        low, high = min(least, len(pieces)) - 1, len(pieces) + 1
        while low < taken < high:
            missing = wanted - count(rest(taken))
            if missing == 0:
                text = before + rest(taken)
                missing = self.tokens - count(text)
                if missing == 0:
                    return text
                wanted += missing
            low, high = (taken, high) if missing > 0 else (low, taken)
            guess = taken + round(missing / each)
            taken = guess if low < guess < high else (low + high) // 2
        return None
