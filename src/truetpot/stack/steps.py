"""The steps of a run: where each begins, how long it is, whether it decodes."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources

import numpy as np

from truetpot.stack.sequence import exact_period, longest_repeat, regular_positions
from truetpot.stack.trace import Kernels, Mark

KNOWN = 0.9
"""Of the kernels, how many launches have to be known for the host's ranges to mark steps."""


class FoundBy(StrEnum):
    """What the steps of a trace were told apart by."""

    ANNOTATION = "annotation"
    """Ranges that the program marked."""
    PERIOD = "period"
    """The kernels repeat exactly."""
    ANCHOR = "anchor"
    """A kernel that comes at even distances."""
    REPEAT = "repeat"
    """The longest sequence of kernels that comes again."""


@dataclass(frozen=True)
class Said:
    """What an annotation says of its step."""

    prefill_tokens: int = 0
    sequences: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class Cuts:
    """Kernels of step i: ``at[i]`` to ``at[i + 1]`` of the order; what lies outside is in none."""

    by: FoundBy
    at: np.ndarray
    said: tuple[Said | None, ...]
    """Of each step."""

    def __len__(self) -> int:
        return len(self.said)


def find_steps(kernels: Kernels, marks: tuple[Mark, ...], once: np.ndarray) -> Cuts | None:
    """The steps of one device's kernels; None where nothing repeats.

    ``once`` are numbers of names that are called once a step. What comes before the first step is a
    step of its own: a prompt, or the end of a step that began before the trace.
    """
    cuts = _found(kernels, marks, once)
    if cuts is None or cuts.at[0] == 0:
        return cuts
    return replace(cuts, at=np.concatenate([[0], cuts.at]), said=(None, *cuts.said))


def _found(kernels: Kernels, marks: tuple[Mark, ...], once: np.ndarray) -> Cuts | None:
    marked = _by_marks(kernels, marks)
    if marked is not None and marked[1]:
        return marked[0]
    main = _main_stream(kernels)
    # a name alone may be every product's, as of oneDNN
    names = kernels.name.astype(np.int64) * (len(kernels.gemms) + 1) + kernels.gemm + 1
    once = np.unique(names[np.isin(kernels.name, once)])
    names = names[main]
    cuts = _by_period(kernels, main, names, once)
    if marked is not None:
        size = np.median(np.diff(marked[0].at)) if len(marked[0]) else 0
        inner = np.median(np.diff(cuts.at)) if cuts is not None else np.inf
        return marked[0] if cuts is None or inner * 1.5 > size else cuts
    if cuts is not None:
        return cuts
    for by, positions in (
        (FoundBy.ANCHOR, regular_positions(names, once)),
        (FoundBy.REPEAT, longest_repeat(names)),
    ):
        if positions is not None:
            at = np.concatenate([main[positions], [len(kernels)]])
            return Cuts(by, at, (None,) * len(positions))
    return None


def _main_stream(kernels: Kernels) -> np.ndarray:
    """Indices of the stream with the most kernels: others run beside it in no fixed order."""
    streams, counts = np.unique(kernels.stream, return_counts=True)
    return np.flatnonzero(kernels.stream == streams[np.argmax(counts)])


def _by_period(
    kernels: Kernels, main: np.ndarray, names: np.ndarray, once: np.ndarray
) -> Cuts | None:
    run = exact_period(names)
    if run is None:
        return None
    phase = 0
    if run.first or len(names) % run.period:
        phase = _phase(kernels, main, names[run.first : run.first + run.period], run.first, once)
    positions = np.arange(run.first + phase, run.last + 1, run.period)
    # what follows the last whole period is a step of its own, be it only the beginning of one
    at = np.unique(np.append(main[positions[positions < len(names)]], len(kernels)))
    return Cuts(FoundBy.PERIOD, at, (None,) * (len(at) - 1))


def _phase(
    kernels: Kernels, main: np.ndarray, block: np.ndarray, first: int, once: np.ndarray
) -> int:
    """Where in a block the step begins: after what ends a step, else after the longest pause."""
    known = np.flatnonzero(np.isin(block, once))
    if len(known):
        return int(known[-1] + 1) % len(block)
    if not kernels.timed:
        return 0
    here = main[first : first + len(block)]
    before = np.maximum(here - 1, 0)
    return int(np.argmax(kernels.start_s[here] - kernels.end_s[before]))


def _by_marks(kernels: Kernels, marks: tuple[Mark, ...]) -> tuple[Cuts, bool] | None:
    """Steps by the best kind of range that covers kernels, and whether one range is one step."""
    for kind, whole in _kinds():
        seen = [(one, found) for one in marks if (found := kind.match(one.name))]
        on_device = [pair for pair in seen if pair[0].on_device]
        cuts = _assigned(kernels, on_device or seen, bool(on_device))
        if cuts is not None:
            return cuts, whole
    return None


def _assigned(
    kernels: Kernels, seen: list[tuple[Mark, re.Match[str]]], on_device: bool
) -> Cuts | None:
    """The first kernel of each range, by its start or, of the host's ranges, by its launch."""
    when = kernels.start_s if on_device else kernels.submitted_s
    if not seen or not kernels.timed or np.isfinite(when).mean() < KNOWN:
        return None
    order = np.argsort(when, kind="stable")
    sorted_when = when[order]  # what has no time is last
    ordered = sorted(seen, key=lambda pair: pair[0].start_s)
    at: list[int] = []
    said: list[Said | None] = []
    for mark, match in ordered:
        ends = [mark.start_s, mark.start_s + mark.duration_s]
        low, high = np.searchsorted(sorted_when, ends)
        if low < high and (not at or order[low:high].min() > at[-1]):
            at.append(int(order[low:high].min()))
            said.append(_said(match))
    if not at:
        return None
    return Cuts(FoundBy.ANNOTATION, np.array([*at, len(kernels)]), tuple(said))


def _said(match: re.Match[str]) -> Said | None:
    groups = {name: int(value) for name, value in match.groupdict().items() if len(value) < 10}
    if not groups:
        return None
    return Said(
        groups.get("prefill_tokens", 0),
        groups.get("decode_sequences", 0),
        groups.get("decode_tokens", 0),
    )


@cache
def _kinds() -> tuple[tuple[re.Pattern[str], bool], ...]:
    text = resources.files("truetpot.stack").joinpath("steps.toml").read_text(encoding="utf-8")
    return tuple((re.compile(one["match"]), one["whole"]) for one in tomllib.loads(text)["mark"])
