"""Patterns in memory: written everywhere, then read back everywhere, so that no cache answers.

The patterns are those of memtest86 and of DCGM's memtest: own address, walking ones, moving
inversions, random sequence. They are made and compared by torch's own operations on 32-bit words,
on a card as on the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from truetpot.errors import UserError
from truetpot.runtime.choose import choose_device
from truetpot.validate.bad_words import BadWords
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors
from truetpot.validate.memory import Memory, Words

SHARE = 0.92
"""Of free memory that is asked for; what is left holds what patterns are made in."""
LEAST_SHARE = 0.90
SMALL_BYTES = 64 << 20
_SIGN = 1 << 31
_TURN = 0x9E3779B9
"""Between the numbers of words 16 GiB apart, which 32 bits would not tell from each other."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """``bad words``, the share of free memory that was tested, and how fast."""
    device = choose_device(setting.devices[0])
    wanted = SMALL_BYTES if setting.small else None
    memory = Memory.all_of(device, wanted, SHARE)
    return run(memory, setting, tell, LEAST_SHARE if wanted is None else None)


def run(memory: Memory, setting: Setting, tell: Tell, least_share: float | None) -> Measured:
    """Rounds of all patterns until the time is over, one round at least.

    ``least_share`` of the free memory has to be under test, where it is given.
    """
    bad, begun, rounds = BadWords(), time.perf_counter(), 0

    def measured() -> Measured:
        seconds = time.perf_counter() - begun
        share = Reading(
            name="share of free memory", value=memory.share, unit="share", better="higher",
            compared=False, note=f"{memory.nbytes / 2**30:.2f} GiB tested, {rounds} whole rounds",
        )  # fmt: skip
        return Measured(
            readings=[errors("bad words", bad.words, where(bad)), share],
            bad_memory=bad.record(),
            found={
                "bytes": memory.nbytes,
                "rounds": rounds,
                "seconds": seconds,
                "patterns": bad.patterns,
                **memory.about,
            },
        )

    if least_share is not None and memory.share < least_share:
        raise UserError(
            f"Only {memory.share:.0%} of the free memory of {memory.device.name} could be had; "
            "stop what else uses it."
        )
    while True:
        for name, passes in PATTERNS.items():
            for write, want in passes(rounds):
                memory.write(write)
                memory.compare(name, want, bad)
            tell(measured())
            if rounds and time.perf_counter() - begun > setting.seconds:
                return measured()
        rounds += 1
        if time.perf_counter() - begun > setting.seconds:
            return measured()


def where(bad: BadWords) -> str:
    """In a clause: how many regions, which bits and lanes; empty without bad words."""
    found = bad.record()
    if found is None:
        return ""
    bits = [str(i) for i, count in enumerate(found.bits) if count]
    lanes = [str(i) for i, count in enumerate(found.lanes) if count]
    first = found.regions[0]
    return (
        f"in {len(found.regions)} region{'s' * (len(found.regions) > 1)}, the first at byte "
        f"{first.first:#x}; bits {', '.join(bits)}; byte lanes {', '.join(lanes)}"
    )


Passes = Callable[[int], Iterator[tuple[Words, Words]]]
"""Of a round: what is written, and what is to be read back; mostly the same."""


def own_address(index: int) -> Iterator[tuple[Words, Words]]:
    """Each word holds its own index, then the complement: wrong address lines show."""

    def up(words: Any, first: int) -> None:
        _count(words, first)

    def down(words: Any, first: int) -> None:
        _count(words, first)
        words.bitwise_not_()

    yield up, up
    yield down, down


def walking(index: int) -> Iterator[tuple[Words, Words]]:
    """One bit of 32 set, the next one in the next word, then one bit clear; all starts in turn."""

    def ones(words: Any, first: int) -> None:
        import torch

        shift = torch.arange(32, dtype=torch.int32, device=words.device).add_(index + first) % 32
        line = torch.ones(32, dtype=torch.int32, device=words.device) << shift
        words.view(-1, 32).copy_(line)

    def zeros(words: Any, first: int) -> None:
        ones(words, first)
        words.bitwise_not_()

    yield ones, ones
    yield zeros, zeros


def inversions(index: int) -> Iterator[tuple[Words, Words]]:
    """A constant everywhere, then its complement: each bit is written over its opposite."""
    constants = (0x00000000, 0x55555555, 0x33333333, 0x0F0F0F0F)
    value = constants[index % len(constants)]

    def of(word: int) -> Words:
        def fill(words: Any, first: int) -> None:
            words.fill_(word - 2 * _SIGN if word >= _SIGN else word)

        return fill

    for word in (value, value ^ 0xFFFFFFFF):
        yield of(word), of(word)


def random_sequence(index: int) -> Iterator[tuple[Words, Words]]:
    """A hash of the word's index, other words in each round: what no compression shortens."""
    seed = (0x9E3779B9 * (index + 1)) % (1 << 31)

    def mixed(words: Any, first: int) -> None:
        _count(words, first)
        words.add_(seed)
        for factor, shift in ((0x85EBCA6B - 2 * _SIGN, 15), (0x27D4EB2F, 13), (1, 16)):
            # torch's shift keeps the sign, which would cancel the highest bit
            words.bitwise_xor_((words >> shift).bitwise_and_((1 << (32 - shift)) - 1))
            words.mul_(factor)

    yield mixed, mixed


PATTERNS: dict[str, Passes] = {
    "own address": own_address,
    "walking ones": walking,
    "moving inversions": inversions,
    "random sequence": random_sequence,
}


def _count(words: Any, first: int) -> None:
    """``first``, ``first + 1``, ... as int32: modulo 2**32, other numbers in each 16 GiB."""
    import torch

    turn, low = divmod(first, 2 * _SIGN)
    if (left := 2 * _SIGN - low) < len(words):
        _count(words[:left], first)
        _count(words[left:], first + left)
        return
    start = (low + turn * _TURN + _SIGN) % (2 * _SIGN) - _SIGN
    if start + len(words) <= _SIGN:
        torch.arange(start, start + len(words), out=words)
    else:
        torch.arange(-_SIGN, -_SIGN + len(words), out=words)
        words.add_(start - 2 * _SIGN + _SIGN)  # wraps as two's complement does
