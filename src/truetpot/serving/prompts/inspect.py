"""Is a set of prompts random, repeated or meaningful? Each prompt for itself, the set by most."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from truetpot.errors import UserError
from truetpot.records.prompts import Judged, SetKind
from truetpot.serving.prompts.language import leaning, measure, settings
from truetpot.serving.prompts.tokenizer import Tokenizer


@dataclass(frozen=True)
class Inspection:
    """What a set of prompts is made of."""

    kind: SetKind
    """Of most prompts."""
    shares: dict[SetKind, float]
    """Of the prompts, by kind."""
    distinct: float
    """Different prompts over all prompts."""
    prompts: tuple[Judged, ...]

    def middle(self, name: str) -> float | None:
        """The median of a measure over the prompts."""
        values = [getattr(judged, name) for judged in self.prompts]
        return None if None in values else float(median(values))


def thresholds() -> dict[str, str]:
    """The measures, and from where on each says what; recurrence and the like enter the score."""
    repeated, random = settings()["repeated"], settings()["random"]
    return {
        "shared_prefix": f"repeated from {repeated['shared_prefix']:g}",
        "compression": f"repeated from {repeated['compression']:g}",
        "ascending": f"random from {random['ascending']:g}",
        "language_score": "random up to 0",
        "recurrence": "in the score",
        "function_words": "in the score",
        "seams": "in the score",
    }


def inspect(texts: Sequence[str], tokenizer: Tokenizer | None = None) -> Inspection:
    """What kind of set the texts are. Raises UserError where there are none.

    The thresholds are those of language.toml. Repeated goes before random: one random text that is
    sent for all is spoilt by the prefix cache first.
    """
    if not texts:
        raise UserError("There is no prompt in the file.")
    rows: list[Sequence[int] | str] = [tokenizer.encode(t) if tokenizer else t for t in texts]
    measured = [measure(text) for text in texts]
    prompts = []
    for text, row, shared, language, score in zip(
        texts, rows, _shared_prefixes(rows), measured, leaning(measured), strict=True
    ):
        compression = _compression(text)
        ascending = None if isinstance(row, str) else _ascending(row)
        prompts.append(
            Judged(
                kind=_kind(shared, compression, ascending, score),
                length=len(row),
                shared_prefix=shared,
                compression=compression,
                language_score=score,
                recurrence=language.recurrence,
                function_words=language.function_words,
                seams=language.seams,
                ascending=ascending,
            )
        )
    counts = Counter(judged.kind for judged in prompts)
    shares = {kind: counts[kind] / len(prompts) for kind in SetKind}
    most = max(SetKind, key=lambda kind: shares[kind])
    return Inspection(most, shares, len(set(texts)) / len(texts), tuple(prompts))


def _kind(shared: float, compression: float, ascending: float | None, score: float) -> SetKind:
    repeated = settings()["repeated"]
    if shared >= repeated["shared_prefix"] or compression >= repeated["compression"]:
        return SetKind.REPEATED
    walked = ascending is not None and ascending >= settings()["random"]["ascending"]
    return SetKind.RANDOM if walked or score <= 0 else SetKind.MEANINGFUL


def _shared_prefixes(rows: Sequence[Sequence[int] | str]) -> list[float]:
    """For each row the longest prefix that any other has too, over its length.

    In sorted order that other row is a neighbour.
    """
    order = sorted(range(len(rows)), key=lambda i: rows[i])  # type: ignore[arg-type, return-value]
    longest = [0] * len(rows)
    for i, j in pairwise(order):
        common = _common(rows[i], rows[j])
        longest[i] = max(longest[i], common)
        longest[j] = max(longest[j], common)
    return [length / max(len(row), 1) for length, row in zip(longest, rows, strict=True)]


def _common(left: Sequence[int] | str, right: Sequence[int] | str) -> int:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))


def _compression(text: str) -> float:
    data = text.encode(errors="surrogatepass")
    return len(data) / len(zlib.compress(data, 9))


def _ascending(ids: Sequence[int]) -> float:
    return sum(after == before + 1 for before, after in pairwise(ids)) / max(len(ids) - 1, 1)
