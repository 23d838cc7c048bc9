"""The two ways of making prompts that spoil a benchmark, reproduced on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from truetpot.errors import UserError
from truetpot.serving.prompts.compose import Prompt, check_request, compose
from truetpot.serving.prompts.corpus import Passage
from truetpot.serving.prompts.tokenizer import Tokenizer

REPAIRS = 10
"""Rounds in which vLLM brings a random prompt back to its length."""


def repeated(
    passages: Sequence[Passage], tokenizer: Tokenizer, *, tokens: int, count: int, seed: int = 0
) -> list[Prompt]:
    """One prompt for all requests: with a prefix cache only the first of them costs a prefill."""
    (prompt,) = compose(passages, tokenizer, tokens=tokens, count=1, seed=seed)
    return [replace(prompt, kind="repeated")] * count


def random(tokenizer: Tokenizer, *, tokens: int, count: int, seed: int = 0) -> list[Prompt]:
    """vLLM's random dataset: prompt ``i`` holds the ids ``(offset + i + j) mod vocabulary``.

    ``j`` runs over the prompt, and the ids are sent as their text. Special tokens are left out of
    the vocabulary that is walked, as vLLM does now; v0.6.6 walked them with the others, and their
    text became special tokens again on the server. What the text gives when it is encoded again is
    seldom as long, so it is cut, or filled up with random ids, for at most ten rounds, again as
    vLLM does. A prompt may still miss its length: ``Prompt.tokens`` says what it has.
    """
    check_request(tokens, count)
    ids, chance = tokenizer.ordinary, Random(f"random {seed}")
    length = tokens - tokenizer.added
    if length < 1 or not ids:
        raise UserError(
            f"--tokens {tokens} leaves no room: this tokenizer adds {tokenizer.added} by itself."
        )
    prompts = []
    for i in range(count):
        offset = chance.randrange(len(ids))
        walk = [ids[(offset + i + j) % len(ids)] for j in range(length)]
        text = tokenizer.decode(walk)
        for _ in range(REPAIRS):
            walk = tokenizer.plain(text)
            if len(walk) == length:
                break
            missing = max(length - len(walk), 0)
            walk = walk[:length] + [chance.choice(ids) for _ in range(missing)]
            text = tokenizer.decode(walk)
        prompts.append(Prompt(text, tokenizer.count(text), "random"))
    return prompts
