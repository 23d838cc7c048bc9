"""What a stretch of code loads: of which argument, in which widths, how much of it twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from truetpot.isa.addresses import Access, narrowest, runs
from truetpot.records.isa import Loads

MOST = 0.9
"""Share of the weight bytes whose loads have at least the width that is reported."""


def loads_of(there: Sequence[Access]) -> list[Loads]:
    """Loads by argument and width, with the run that each is part of."""
    loads = [a for a in there if a.message.verb == "load"]
    longest: Counter[int] = Counter()
    for nbytes, parts in runs(loads):
        for index in parts:
            longest[index] = max(longest[index], nbytes)
    counted = Counter((_name(a), a.message.label(), longest[a.index]) for a in loads)
    return [
        Loads(arg=arg, label=label, count=n, run_bytes=nbytes)
        for (arg, label, nbytes), n in counted.items()
    ]


def _name(access: Access) -> str:
    space = access.message.space
    return access.arg or {"slm": "local", "scratch": "scratch"}.get(space, "?")


def main_argument(streamed: Iterable[Access]) -> str | None:
    """The argument of which most bytes are loaded."""
    by_arg: Counter[str | None] = Counter()
    for one in streamed:
        if one.message.verb == "load":
            by_arg[one.arg] += one.message.nbytes
    return next((arg for arg, _ in by_arg.most_common(1)), None)


def widths(streamed: Sequence[Access]) -> tuple[int | None, int | None]:
    """Of the largest input: bytes of a load, blocks that follow each other as one, and of a run."""
    main = main_argument(streamed)
    largest = [a for a in streamed if a.arg == main and a.message.verb == "load"]
    blocks = [nbytes for nbytes, _ in runs(a for a in largest if a.message.block)]
    scattered = [a.message.nbytes for a in largest if not a.message.block]
    run = narrowest([nbytes for nbytes, _ in runs(largest)], MOST)
    return narrowest(blocks + scattered, MOST), run


def moved(accesses: Iterable[Access]) -> int:
    """Bytes that some accesses touch, each once: lanes and messages may ask for the same."""
    return sum(nbytes for nbytes, _ in runs(accesses))


def overlap(streamed: Sequence[Access]) -> float:
    """Bytes that are asked for of the largest input, over those that differ."""
    main = main_argument(streamed)
    largest = [a for a in streamed if a.arg == main and a.message.verb == "load"]
    different = moved(largest)
    return sum(a.message.nbytes for a in largest) / different if different else 1.0
