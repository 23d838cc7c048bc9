"""Distinct prompts of an exact length: passages on a subject, then a question on one of them.

A prompt is an opener, whole passages, part of one more, and a closing that leads to the question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from truetpot.errors import UserError
from truetpot.serving.prompts.corpus import Passage
from truetpot.serving.prompts.fit import BREAK, LEAST_PIECES, Fitter, characters, words
from truetpot.serving.prompts.frames import frames
from truetpot.serving.prompts.tokenizer import Tokenizer

DISTINCT = 8
"""No two prompts are alike in so many first tokens: a block of a prefix cache has more."""
HOPELESS = 100_000
"""Tokens of beginnings that came to nothing, one after another, after which none is tried."""


@dataclass(frozen=True)
class Prompt:
    """One prompt. Subject and language are "" where it was not made of passages."""

    text: str
    tokens: int
    kind: str = "text"
    subject: str = ""
    language: str = ""


def compose(
    passages: Sequence[Passage], tokenizer: Tokenizer, *, tokens: int, count: int, seed: int = 0
) -> list[Prompt]:
    """``count`` prompts of exactly ``tokens`` tokens; the same ones for the same arguments.

    No passage comes twice in a prompt, and no two prompts have the same first 8 tokens. Raises
    UserError where the passages do not suffice, or ``tokens`` for a passage and a question.
    """
    check_request(tokens, count)
    fitter = Fitter(tokenizer, tokens)
    _check_supply(passages, fitter)
    _check_least(passages, fitter)
    prompts: list[Prompt] = []
    starts: set[tuple[int, ...]] = set()
    failed = 0
    for opener, first in _beginnings(passages, Random(f"beginnings {seed}")):
        random = Random(f"prompt {seed} {len(prompts)}")
        text = _write(opener, [first, *_others(first, passages, random)], fitter, random)
        if text is None:
            failed += tokens
            if failed > HOPELESS:
                break
            continue
        failed = 0
        start = tuple(tokenizer.encode(text)[:DISTINCT])
        if start not in starts:
            starts.add(start)
            prompts.append(Prompt(text, tokens, "text", first.subject, first.language))
        if len(prompts) == count:
            return prompts
    raise UserError(_shortage(passages, fitter, len(prompts), count))


def check_request(tokens: int, count: int) -> None:
    """Raises UserError for a number of prompts or tokens that is none."""
    if count < 1:
        raise UserError(f"--count {count} asks for no prompt; give at least 1.")
    if tokens < 1:
        raise UserError(f"--tokens {tokens} is no length; give at least 1.")


def extract(passages: Sequence[Passage], tokenizer: Tokenizer, tokens: int) -> str:
    """Passages of exactly ``tokens`` tokens, without opener and question.

    Raises UserError where the passages do not suffice.
    """
    fitter = Fitter(tokenizer, tokens)
    _check_supply(passages, fitter)
    for split, start in product((words, characters), range(len(passages))):
        if (text := fitter.fill("", passages[start:], "", split, bare=True)) is not None:
            return text
    raise UserError(f"No passage can be cut to exactly {tokens} tokens; try another length.")


def _beginnings(passages: Sequence[Passage], random: Random) -> Iterator[tuple[str, Passage]]:
    """Each passage with each opener of its language; passage and opener change every time."""
    order = random.sample(passages, len(passages))
    for turn in range(max(len(frame.openers) for frame in frames().values())):
        for index, first in enumerate(order):
            openers = frames()[first.language].openers
            if turn < len(openers):
                yield openers[(index + turn) % len(openers)], first


def _others(first: Passage, passages: Sequence[Passage], random: Random) -> Iterator[Passage]:
    """The other passages of the language, those of the subject before all others."""
    subjects: dict[str, list[Passage]] = {first.subject: []}
    for passage in passages:
        if passage.language == first.language and passage != first:
            subjects.setdefault(passage.subject, []).append(passage)
    same, *rest = subjects.values()
    for group in (same, *random.sample(rest, len(rest))):
        yield from random.sample(group, len(group))


def _write(opener: str, order: Sequence[Passage], fitter: Fitter, random: Random) -> str | None:
    """The prompt that begins so; None where this beginning does not lead to the length."""
    first = order[0]
    frame = frames()[first.language]
    head = f"{opener}{frame.joint}" if opener else ""
    room = fitter.room - fitter.cost(head)
    known = [passage for passage in order if passage.subject == first.subject]
    general = random.choice(frame.questions)
    shortest, *closings = frame.closings
    tries = (*random.sample(closings, len(closings)), shortest)
    for split, closing in product((words, characters), tries):
        tails = [BREAK + closing.format(question=p.question or general) for p in known]
        # The question is on a passage that is there as a whole, whichever question it is.
        sure = fitter.fitting(known, room - max(map(fitter.cost, tails)))
        tail = random.choice(tails[: max(sure, 1)])
        if closing != shortest and room < fitter.cost(tail):
            continue
        if (text := fitter.fill(head, order, tail, split)) is not None:
            return text
    return None


def _check_supply(passages: Sequence[Passage], fitter: Fitter) -> None:
    """Raises UserError where all passages of a language together are too short."""
    for language in dict.fromkeys(passage.language for passage in passages):
        texts = [passage.text for passage in passages if passage.language == language]
        supply = sum(map(fitter.cost, texts))
        missing = fitter.tokens - fitter.tokenizer.added - supply
        if missing > 0:
            size = missing * sum(len(text.encode()) for text in texts) / max(supply, 1)
            raise UserError(
                f"{fitter.tokens:,} tokens are more than all the {frames()[language].name} text "
                f"has, which is {supply:,} by this tokenizer: give about {_kb(size)} more with "
                "--corpus, or fewer --tokens."
            )


def _check_least(passages: Sequence[Passage], fitter: Fitter) -> None:
    """Raises UserError where no prompt can be as short as is wanted."""
    lengths = []
    for passage in passages:
        lengths.append(_least(passage, fitter.tokenizer))
        if lengths[-1] <= fitter.tokens:
            return
    raise UserError(
        f"A prompt with part of a passage and a question has at least {min(lengths)} tokens by "
        f"this tokenizer: --tokens {fitter.tokens} is too few."
    )


def _least(passage: Passage, tokenizer: Tokenizer) -> int:
    """Tokens of the shortest prompt on a passage."""
    frame = frames()[passage.language]
    start = "".join(words(passage.text)[:LEAST_PIECES]).strip() + frame.cut + BREAK
    questions = [passage.question] if passage.question else frame.questions
    closings = (frame.closings[0].format(question=question) for question in questions)
    return min(tokenizer.count(start + closing) for closing in closings)


def _shortage(passages: Sequence[Passage], fitter: Fitter, made: int, count: int) -> str:
    """Why ``made`` prompts are all that there can be, and what would help."""
    if made == 0:
        return (
            f"{len(passages)} paragraphs make no prompt of exactly {fitter.tokens:,} tokens: give "
            "more text with --corpus, or a few --tokens more or fewer."
        )
    size = sum(len(passage.text.encode()) for passage in passages) / len(passages)
    more = (count - made) * len(passages) / made
    return (
        f"{len(passages)} paragraphs make {made:,} prompts of {fitter.tokens:,} tokens that differ "
        f"in their first {DISTINCT} tokens, not {count:,}: give about {more:,.0f} more paragraphs, "
        f"{_kb(more * size)}, with --corpus, or a smaller --count."
    )


def _kb(size: float) -> str:
    return f"{max(size / 1000, 0.1):,.1f} kB"
