"""Where memory gave back other bits than were written: by bit, byte lane, pattern and region."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from truetpot.records.validate import BadMemory, BadRegion

WORD = 4
"""Bytes."""
NEAR = 64 << 10
"""Bytes between two bad words of one region at most: the size of a row of DRAM across its chips."""
MOST_KEPT = 1 << 20
"""Bad words that are kept with their bits; the rest is counted."""
MOST_SHOWN = 64
"""Regions, and offsets, in a record."""


@dataclass
class BadWords:
    """Gathers bad words over all patterns and rounds."""

    words: int = 0
    patterns: dict[str, int] = field(default_factory=dict)
    _offsets: list[NDArray[np.int64]] = field(default_factory=list)
    _got: list[NDArray[np.uint32]] = field(default_factory=list)
    _want: list[NDArray[np.uint32]] = field(default_factory=list)
    _kept: int = 0

    def add(
        self,
        pattern: str,
        count: int,
        offsets: NDArray[np.int64],
        got: NDArray[np.uint32],
        want: NDArray[np.uint32],
    ) -> None:
        """``count`` bad words, of which some (or all) are given: byte offsets, what came back, what
        was written; each of one length."""
        self.words += count
        self.patterns[pattern] = self.patterns.get(pattern, 0) + count
        left = MOST_KEPT - self._kept
        self._offsets.append(offsets[:left])
        self._got.append(got[:left])
        self._want.append(want[:left])
        self._kept += min(left, len(offsets))

    def record(self) -> BadMemory | None:
        """The record's part; None where every word was right."""
        if not self.words:
            return None
        offsets = np.concatenate(self._offsets)
        got, want = np.concatenate(self._got), np.concatenate(self._want)
        flipped = got ^ want
        bits = [int(((flipped >> bit) & 1).sum()) for bit in range(32)]
        lanes = [0] * 8
        for byte in range(WORD):
            wrong = (flipped >> (8 * byte)) & 0xFF != 0
            where = (offsets[wrong] + byte) % 8
            for lane, count in zip(*np.unique(where, return_counts=True), strict=True):
                lanes[int(lane)] += int(count)
        return BadMemory(
            words=self.words,
            bits=bits,
            lanes=lanes,
            to_one=int(np.bitwise_count(flipped & got).sum()),
            to_zero=int(np.bitwise_count(flipped & want).sum()),
            patterns=self.patterns,
            regions=regions(offsets)[:MOST_SHOWN],
            offsets=[int(one) for one in np.unique(offsets)[:MOST_SHOWN]],
        )


def regions(offsets: NDArray[np.int64]) -> list[BadRegion]:
    """Bad words that lie within :data:`NEAR` of each other, as one region each, in order."""
    wrong = np.unique(offsets)
    if not len(wrong):
        return []
    cuts = np.flatnonzero(np.diff(wrong) > NEAR) + 1
    return [
        BadRegion(first=int(part[0]), last=int(part[-1]), words=len(part))
        for part in np.split(wrong, cuts)
    ]
