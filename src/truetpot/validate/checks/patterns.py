"""Patterns in memory: written everywhere, then read back everywhere, so that no cache answers.

The patterns are those of memtest86 and of DCGM's memtest: own address, walking ones, moving
inversions, random sequence. They are made and compared by torch's own operations on 32-bit words,
on a card as on the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.validate.bad_words import WORD, BadWords
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors

SHARE = 0.92
"""Of free memory that is asked for; what is left holds what patterns are made in."""
LEAST_SHARE = 0.90
CHUNK = 1 << 30
PART, CPU_PART = 64 << 20, 4 << 20
"""Bytes compared at a time; on a CPU what its caches hold."""
SMALL_BYTES = 64 << 20
MOST_FETCHED = 4096
"""Bad words of a part that are looked at one by one."""
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


Words = Callable[[Any, int], None]
"""Puts a pattern into an int32 tensor, given the index of its first word in the memory."""
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


@dataclass
class Memory:
    """What is under test: int32 tensors of whole parts, together as one row of words."""

    device: Device
    chunks: list[Any]
    free: int
    """Bytes that were free before."""
    part: int = PART // WORD
    """Words compared at a time."""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all chunks that were allocated."""
        return WORD * sum(len(chunk) for chunk in self.chunks)

    @property
    def share(self) -> float:
        """Share of the memory that was free and is tested."""
        return self.nbytes / self.free

    @classmethod
    def all_of(
        cls,
        device: Device,
        wanted: int | None,
        share: float,
        take: Callable[[int], Any] | None = None,
    ) -> Memory:
        """``wanted`` bytes, or a share of what is free, in chunks; ``take`` allocates words.

        Where the driver refuses chunks, smaller ones are tried. Raises UserError where nothing can
        be had, or nothing tells what is free.
        """
        import torch

        free = device.free_bytes()
        if free is None:
            raise UserError(f"{device.name} does not tell how much memory is free.")
        where: Any = device.torch

        def from_torch(words: int) -> Any:
            return torch.empty(words, dtype=torch.int32, device=where)

        part = (CPU_PART if device.is_cpu else PART) // WORD
        left = int(share * free) if wanted is None else wanted
        chunks: list[Any] = []
        size = CHUNK
        while left >= part * WORD and size >= part * WORD:
            words = min(size, left) // WORD // part * part
            try:
                chunks.append((take or from_torch)(words))
                left -= words * WORD
            except device.memory_errors:
                size //= 2
        if not chunks:
            raise UserError(f"{device.name} has no memory left to test; stop what else uses it.")
        return cls(device, chunks, free, part)

    def parts(self) -> Iterator[tuple[Any, int]]:
        """Views of a part each, with the index of the first word."""
        first = 0
        for chunk in self.chunks:
            for start in range(0, len(chunk), self.part):
                yield chunk[start : start + self.part], first + start
            first += len(chunk)

    def write(self, pattern: Words) -> None:
        """Write the pattern to every word, and wait for the device."""
        self._each(pattern)
        self.device.synchronize()

    def compare(self, name: str, pattern: Words, bad: BadWords) -> None:
        """Compare every word with the pattern; ``bad`` takes what differs."""
        import torch

        def differing(words: Any, first: int) -> Any:
            want = torch.empty_like(words)
            pattern(want, first)
            # counted on the device: waiting for each part would leave it idle
            return (words != want).sum()

        totals = torch.stack(self._each(differing)).tolist()
        want = torch.empty_like(self.chunks[0][: self.part])
        for (words, first), count in zip(self.parts(), totals, strict=True):
            if count:
                pattern(want, first)
                self._fetch(name, words, want, first, int(count), bad)

    def _each(self, do: Callable[[Any, int], Any]) -> list[Any]:
        """What ``do`` gives of each part, in order; on a CPU by a thread a core.

        torch's own threads meet after every operation on a part that a core does in 0.3 ms: 16
        cores wait for each other most of the time.
        """
        if not self.device.is_cpu:
            return [do(words, first) for words, first in self.parts()]
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(threads) as pool:
                return list(pool.map(lambda part: do(*part), self.parts()))
        finally:
            torch.set_num_threads(threads)

    def _fetch(
        self, name: str, words: Any, want: Any, first: int, count: int, bad: BadWords
    ) -> None:
        places = (words != want).nonzero().view(-1)[:MOST_FETCHED]
        got, wrote = (self.device.download(one[places]).view(np.uint32) for one in (words, want))
        offsets = (self.device.download(places).astype(np.int64) + first) * WORD
        # a word that is right when it is read again was a wrong read: it counts, without its bits
        bad.add(name, count, offsets, got, wrote)
