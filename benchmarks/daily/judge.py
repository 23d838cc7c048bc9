"""Is a commit slower than another? Only where the processes of both agree.

``asv compare`` pools the samples of all processes and takes them for independent, which those of
one process are not. Here a process is one value, the median of its samples.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.size import SAMPLES

if TYPE_CHECKING:
    from asv.config import Config
    from asv.results import Results

CHANGES = ("slower", "faster")
FEWEST = 3
"""Processes of a commit whose agreement counts: of equal commits two agree in one case of six."""


@dataclass(frozen=True)
class Pair:
    """One benchmark with its parameters in two commits: seconds, a process each."""

    name: str
    old: tuple[float, ...]
    new: tuple[float, ...]
    threshold: float
    """Of the time, above which a difference counts: 0.1 is a tenth."""

    @property
    def ratio(self) -> float:
        """The new median over the old one."""
        return median(self.new) / median(self.old)

    @property
    def slower(self) -> bool:
        """Whether every new process takes longer than every old one, by more than the threshold."""
        return min(self.new) > max(self.old) * (1 + self.threshold)

    @property
    def faster(self) -> bool:
        """The same the other way round."""
        return min(self.old) > max(self.new) * (1 + self.threshold)

    @property
    def few(self) -> bool:
        """Whether a commit has fewer processes than can be judged by."""
        return min(len(self.old), len(self.new)) < FEWEST


@dataclass(frozen=True)
class Judged:
    """What two commits have in common, and what only one of them has a time for."""

    pairs: tuple[Pair, ...]
    lost: tuple[str, ...]
    """Timed in the old commit, failed in the new one."""

    unconfirmed: frozenset[str] = frozenset()
    """Changed in one measurement, and not so in the next."""

    def chosen(self, what: str) -> list[Pair]:
        """Those that are ``slower``, ``faster`` or ``few``; few are neither of the others."""
        if what == "few":
            return [one for one in self.pairs if one.few]
        there = [one for one in self.pairs if one.name not in self.unconfirmed and not one.few]
        return [one for one in there if getattr(one, what)]

    @property
    def changed(self) -> list[Pair]:
        """Those that are slower, then those that are faster."""
        return [one for what in CHANGES for one in self.chosen(what)]

    @property
    def code(self) -> int:
        """The exit code: 2 where a benchmark that had a time fails, 1 where one is slower, or 0."""
        return 2 if self.lost else int(bool(self.chosen("slower")))

    def confirmed(self, again: Judged) -> Judged:
        """What a second measurement of the changed ones leaves: a change is what is there twice.

        What the first one says of all others stays; what fails in either has failed.
        """
        once = {one.name for one in self.changed}
        twice = {
            one.name for what in CHANGES for one in self.chosen(what)
            if one.name in {other.name for other in again.chosen(what)}
        }  # fmt: skip
        second = {one.name: one for one in again.pairs if one.name in once}
        pairs = tuple(second.get(one.name, one) for one in self.pairs)
        lost = tuple(dict.fromkeys((*self.lost, *again.lost)))
        return Judged(pairs, lost, frozenset(once - twice))

    def lines(self) -> Iterator[str]:
        """For people."""
        for word in CHANGES:
            for one in self.chosen(word):
                yield f"{word}  {one.ratio:5.2f}  {one.name}  (threshold {1 + one.threshold:.2f})"
        for name in self.lost:
            yield f"failed        {name}"
        same = len(self.pairs) - len(self.changed) - len(self.chosen("few"))
        yield f"{same} of {len(self.pairs)} benchmarks have not changed beyond their threshold"
        if few := len(self.chosen("few")):
            yield f"{few} were not judged: a commit has fewer than {FEWEST} processes of them"


def judge(config: Config, machine: str, old: str, new: str) -> Judged:
    """Two commits (whole hashes) by what is stored of them for one machine.

    Raises LookupError, with the commit, where nothing is stored.
    """
    before, after = (_stored(Path(config.results_dir), machine, each) for each in (old, new))
    limits = config.regressions_thresholds
    pairs = tuple(
        Pair(name, before[name], after[name], threshold(limits, name))
        for name in before
        if before[name] and after.get(name)
    )
    lost = tuple(name for name in before if before[name] and after.get(name, ()) is None)
    return Judged(pairs, lost)


def threshold(limits: Mapping[str, float], name: str) -> float:
    """The largest of those whose pattern the name begins with, as ``asv publish`` takes them."""
    return max((limit for pattern, limit in limits.items() if re.match(pattern, name)), default=0.1)


def processes(samples: Sequence[float]) -> tuple[float, ...]:
    """The median of each process: they stand one after the other, :data:`SAMPLES` of each."""
    firsts = range(0, len(samples), SAMPLES)
    return tuple(median(samples[first : first + SAMPLES]) for first in firsts)


def _stored(folder: Path, machine: str, commit: str) -> dict[str, tuple[float, ...] | None]:
    """Processes by benchmark and parameters; none where it is n/a, None where it failed."""
    from asv.results import iter_results_for_machine_and_hash

    found: dict[str, tuple[float, ...] | None] = {}
    for result in iter_results_for_machine_and_hash(str(folder), machine, commit):
        found |= _of_result(result)
    if not found:
        raise LookupError(commit)
    return found


def _of_result(result: Results) -> Iterator[tuple[str, tuple[float, ...] | None]]:
    for name in result.get_all_result_keys():
        params = result.get_result_params(name)
        values = result.get_result_value(name, params)
        samples = result.get_result_samples(name, params)
        stats = result.get_result_stats(name, params)
        rows = zip(itertools.product(*params), values, samples, stats, strict=True)
        for chosen, value, taken, stated in rows:
            full = f"{name}({', '.join(chosen)})" if chosen else name
            if value is None:
                yield full, None
            elif math.isnan(value):
                yield full, ()
            elif taken:
                yield full, processes(taken)
            else:  # a number without statistics is arithmetic, and the same in every process
                yield full, (value,) * (FEWEST if stated is None else 1)
