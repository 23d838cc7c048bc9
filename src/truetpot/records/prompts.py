"""The records of ``truetpot prompts``: a set that was made, and what an existing one is."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from truetpot.records.numbers import AtLeastOne, Count, Finite, NotNegative, Share, Words
from truetpot.records.opening import SCHEMA_VERSION, Part, Version


class SetKind(StrEnum):
    """What a set of prompts is."""

    MEANINGFUL = "meaningful"
    RANDOM = "random"
    """Ids or words without meaning: little of an answer is visible."""
    REPEATED = "repeated"
    """Alike: a prefix cache computes them once."""


class Judged(Part, frozen=True, kw_only=True):
    """One prompt: its kind, and the measures that it follows from."""

    kind: SetKind
    length: Count
    """Tokens, or characters where no tokenizer was given."""
    shared_prefix: Share
    """Share of it that begins another prompt of the set too."""
    compression: NotNegative
    """Its bytes over those that zlib makes of them."""
    language_score: Finite
    """Above 0 it is more like text than like random words; of the three below."""
    recurrence: Finite
    function_words: Finite
    seams: Finite
    ascending: Share | None
    """Share of its ids that follow their predecessor by one; null without a tokenizer."""


class PromptsRecord(Part, frozen=True, kw_only=True):
    """`truetpot prompts --json`: the set that was made."""

    schema_version: Version = SCHEMA_VERSION
    command: str
    """The command that makes it again."""
    kind: Literal["prompts"] = "prompts"
    file: str
    form: str
    """`vllm` or `sharegpt`."""
    made: str
    """`text`, `random` or `repeated`, as asked for."""
    prompts: AtLeastOne
    """How many."""
    tokens: AtLeastOne
    """Of each, as asked for."""
    of_that_length: Count
    """How many have exactly so many."""
    special_tokens: Count
    """Of each, added by the tokenizer."""
    output_tokens: AtLeastOne
    """That each asks for."""
    tokenizer: str
    seed: Count
    subjects: dict[str, Count]
    """Prompts by what they ask about."""


class InspectionRecord(Part, frozen=True, kw_only=True):
    """`truetpot prompts --inspect FILE --json`: what a set is."""

    schema_version: Version = SCHEMA_VERSION
    command: str
    """The command that repeats it."""
    kind: Literal["inspection"] = "inspection"
    file: str
    verdict: SetKind
    """Of most prompts."""
    prompts: AtLeastOne
    """How many."""
    shares: dict[SetKind, Share]
    """Of the prompts, by kind."""
    distinct: Share
    """Different prompts over all prompts."""
    medians: dict[str, Finite | None]
    """Of each measure over the prompts."""
    thresholds: Words
    """From where on each measure says what."""
    each: list[Judged]
