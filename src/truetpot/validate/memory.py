"""Memory under test: as much as can be had, written and compared part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.runtime.device import Device
from truetpot.validate.bad_words import WORD, BadWords

CHUNK = 1 << 30
PART, CPU_PART = 64 << 20, 4 << 20
"""Bytes compared at a time; on a CPU what its caches hold."""
MOST_FETCHED = 4096
"""Bad words of a part that are looked at one by one."""
Words = Callable[[Any, int], None]
"""Puts a pattern into an int32 tensor, given the index of its first word in the memory."""


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
        indices = (words != want).nonzero().view(-1)[:MOST_FETCHED]
        got, wrote = (self.device.download(one[indices]).view(np.uint32) for one in (words, want))
        offsets = (self.device.download(indices).astype(np.int64) + first) * WORD
        # a word that is right when it is read again was a wrong read: it counts, without its bits
        bad.add(name, count, offsets, got, wrote)
