"""Which points a sweep has, the request that means are over, and what an earlier run left of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from truetpot.errors import UserError
from truetpot.files import shortened_path
from truetpot.records.store import read_record
from truetpot.records.sweep import RequestRow, SweepPoint, SweepRecord
from truetpot.records.words import PointStatus
from truetpot.text import shortened


@dataclass(frozen=True)
class Points:
    """Contexts at each of several batches."""

    contexts: tuple[int, ...]
    batches: tuple[int, ...]
    request: RequestRow | None

    @property
    def single(self) -> bool:
        """Whether it is one point, which is no sweep."""
        return len(self.contexts) == len(self.batches) == 1

    def empty(self) -> list[SweepPoint]:
        """Every point as it is before the run, batch by batch."""
        status = PointStatus.NOT_RUN
        return [
            SweepPoint(context=context, batch=batch, status=status, reason="", record=None)
            for batch in self.batches
            for context in self.contexts
        ]


def find_points(
    contexts: tuple[int, ...], batches: tuple[int, ...], request: str | None
) -> Points:
    """Of the options. Raises UserError for a request that is not IN+OUT."""
    if request is None and len(contexts) > 1 and max(contexts) - min(contexts) >= 2:
        first = min(contexts)
        return Points(contexts, batches, RequestRow(prompt=first, output=max(contexts) - first))
    return Points(contexts, batches, None if request is None else _request(request))


def resumed(file: str | None, setup: Mapping[str, str], points: list[SweepPoint]) -> None:
    """Put the points that an earlier run finished in the place of their like.

    No file yet is an earlier run that finished none. Raises UserError for a record of another
    model, device or setting, which is named, and for one with finished points that are not asked
    for.
    """
    if file is None or file == "-":
        raise UserError("--resume goes on with the record of --json FILE; give one.")
    if not Path(file).exists():
        return
    before = read_record(file, SweepRecord, "a record of truetpot decode over several points")
    for name in {**before.setup, **setup}:
        then, now = before.setup.get(name), setup.get(name)
        if then != now:
            raise UserError(
                f"{shortened_path(Path(file))} was measured with another {name} ({then}, now "
                f"{now}); give another file, or leave out --resume."
            )
    kept = {
        (point.batch, point.context): point
        for point in before.points
        if point.status is PointStatus.OK and point.record is not None
    }
    asked = {(point.batch, point.context) for point in points}
    if lost := [one for one in kept if one not in asked]:
        named = ", ".join(f"batch {batch} at context {context}" for batch, context in lost[:3])
        raise UserError(
            f"{shortened_path(Path(file))} has points that are not asked for now and would be lost "
            f"({named}{', ...' if len(lost) > 3 else ''}): name their contexts and batches too, or "
            "give another file."
        )
    points[:] = [kept.get((point.batch, point.context), point) for point in points]


def _request(text: str) -> RequestRow:
    found = re.fullmatch(r"\s*(\d{1,9})\s*\+\s*(\d{1,9})\s*", text)
    if found is None or int(found[2]) < 2:
        raise UserError(
            f"--request {shortened(text)!r} is not IN+OUT tokens with two or more out, such as "
            "1024+4096."
        )
    return RequestRow(prompt=int(found[1]), output=int(found[2]))


def means_need_points(points: Points, request: str | None, resume: bool) -> None:
    """Raise UserError for options that a single point, or a single context, has no use for."""
    if request is not None and len(points.contexts) == 1:
        raise UserError("--request needs several contexts: give --context 1024,4096 or the like.")
    if resume and points.single:
        raise UserError("--resume needs several points: give --context 1024,4096 or the like.")


def fitting(points: Sequence[SweepPoint]) -> bool:
    """Whether any point was measured."""
    return any(point.record is not None for point in points)
