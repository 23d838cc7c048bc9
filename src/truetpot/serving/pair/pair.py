"""Runs with speculation matched with those without, by context and batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path

from msgspec.structs import replace

from truetpot.errors import UserError
from truetpot.files import shortened_path
from truetpot.records.speculation import PairPoint, PairRow
from truetpot.records.verdicts import Severity
from truetpot.serving.judged import RunOfFile, speculates
from truetpot.serving.pair.arms import arms, counts_messages, tokens_a_step
from truetpot.serving.pair.differences import differences
from truetpot.serving.pair.says import says
from truetpot.serving.series import ALIKE
from truetpot.serving.verdict import BELOW_FLOOR

NEAR = 512
"""Tokens that contexts may be apart: a cache of as many is some per cent of the weights at most."""

UNNAMED = "The files name no model: they are put together as their requests are the same."


def find_pairs(runs: Iterable[RunOfFile]) -> list[PairRow]:
    """Pairs among the runs of a folder: of one model and tool, of which one file says that it
    speculates and the other does not. Those of two folders are two pairs.

    Files that name no model are put together where their requests are the same ones: as many, with
    as many tokens in their prompts.
    """
    found = []
    known = [run for run in arms(runs) if _workload(run)]
    for series, group in groupby(sorted(known, key=_workload), key=_workload):
        members = list(group)
        plain = [run for run in members if not speculates(run)]
        drafting = [run for run in members if speculates(run)]
        for _, part in groupby(sorted(drafting, key=_folder), key=_folder):
            row = _pair(list(part), plain, ", ".join(filter(None, series)))
            if any(point.gain is not None for point in row.points):
                # what else the folder has is in its table
                said = row.says if members[0].checked.run.setting.model else [*row.says, UNNAMED]
                found.append(replace(row, says=said, left_out=[]))
    return found


def given_pairs(drafting: Iterable[RunOfFile], plain: Iterable[RunOfFile]) -> list[PairRow]:
    """Pairs of what the user gives as the two arms, one of each model and tool.

    Raises UserError where all runs of the second arm say that they speculate, and where it has all
    of the first.
    """
    other = arms(plain)
    silent = [run for run in other if not speculates(run)]
    if other and not silent:
        raise UserError(
            f"{shortened_path(other[0].file)} is given as the run without speculation, and says"
            " that it speculates; give the other file there."
        )
    both = {_itself(run) for run in silent}
    one = [run for run in arms(drafting) if _itself(run) not in both]
    if both and not one:
        raise UserError("Nothing is given as the run with speculation but the run without it.")
    rows = [
        _pair(list(group), silent, ", ".join(filter(None, series)))
        for series, group in groupby(sorted(one, key=_series), key=_series)
    ] or [_pair([], silent, "")]
    found = [row for row in rows if row.points] or rows[:1]
    used = {(point.file_without, point.place_without) for row in rows for point in row.points}
    left_out = [sentence for row in rows for sentence in row.left_out]
    left_out += [_unmatched(run) for run in silent if (run.file, run.place) not in used]
    return [replace(found[0], left_out=left_out), *(replace(r, left_out=[]) for r in found[1:])]


def _itself(run: RunOfFile) -> tuple[str, str]:
    return str(Path(run.file).absolute()), run.place


def _pair(drafting: Sequence[RunOfFile], plain: Sequence[RunOfFile], series: str) -> PairRow:
    """One comparison of runs with speculation and without, matched by context and batch."""
    matched, left_out = _match(drafting, plain)
    differs = differences(matched)
    comparable = bool(matched) and not any(row.decides for row in differs)
    points = sorted(
        (_point(one, other, comparable) for one, other in matched),
        key=lambda point: (point.context, point.file, point.place),
    )
    row = PairRow(
        series=series,
        comparable=comparable,
        differs=differs,
        points=points,
        crossings=_crossings(points),
        says=[],
        left_out=left_out,
    )
    return replace(row, says=says(row))


def _series(arm: RunOfFile) -> tuple[str, ...]:
    setting = arm.checked.run.setting
    return arm.checked.run.tool, setting.model or "", setting.weight_format or "", arm.card


def _workload(arm: RunOfFile) -> tuple[str, ...]:
    """What two arms have to have in common; () where nothing tells."""
    totals = arm.checked.run.totals
    if arm.checked.run.setting.model:
        return _series(arm)
    if not totals.completed or not totals.input_tokens:
        return ()
    requests = f"{totals.completed:,} requests with {totals.input_tokens:,} tokens in their prompts"
    return arm.checked.run.tool, requests


def _folder(arm: RunOfFile) -> str:
    return str(Path(arm.file).parent)


def _match(
    drafting: Sequence[RunOfFile], plain: Sequence[RunOfFile]
) -> tuple[list[tuple[RunOfFile, RunOfFile]], list[str]]:
    """Each run with speculation and the nearest without; sentences on those that have none."""
    unknown = [run for run in drafting if run.evidence.prompt is None]
    left_out = [f"{run.named}: nothing says how long its prompts were" for run in unknown]
    drafting = [run for run in drafting if run.evidence.prompt is not None]
    plain = [run for run in plain if run.evidence.prompt is not None]
    matched = []
    for one in drafting:
        near = [other for other in plain if _alike(one, other)]
        if near:
            matched.append((one, min(near, key=partial(_distance, one))))
        else:
            left_out.append(f"{one.named}: nothing without speculation at {_at(one)}")
    return matched, left_out


def _unmatched(plain: RunOfFile) -> str:
    return f"{plain.named}: nothing with speculation at {_at(plain)}"


def _distance(one: RunOfFile, other: RunOfFile) -> tuple[bool, bool, float, bool]:
    """Of the same thing and tool if there is one, then by context, then by folder."""
    decides = any(row.decides for row in differences([(one, other)]))
    unlike = one.checked.run.tool != other.checked.run.tool
    return decides, unlike, abs(other.context - one.context), _folder(other) != _folder(one)


def _at(arm: RunOfFile) -> str:
    many = "" if arm.batch is None else f", batch {arm.batch:.3g}"
    return f"context {arm.context:,.0f}{many}"


def _alike(one: RunOfFile, other: RunOfFile) -> bool:
    few, many = sorted((one.context, other.context))
    if many > ALIKE * few and many - few > NEAR:
        return False
    if one.batch is None or other.batch is None:
        return True
    low, high = sorted((one.batch, other.batch))
    return high <= ALIKE * low


def _point(one: RunOfFile, other: RunOfFile, comparable: bool) -> PairPoint:
    told, plain_s = tokens_a_step(one), other.token_s
    step_s = None if told is None else one.token_s * told[0]
    wrong = _wrong(one, other)
    floor = (other if one.yardstick is None else one).step_floor_s()
    return PairPoint(
        file=one.file,
        place=one.place,
        file_without=other.file,
        place_without=other.place,
        context=one.context,
        context_without=other.context,
        batch=one.batch,
        with_ms=one.token_s * 1e3,
        without_ms=plain_s * 1e3,
        gain=plain_s / one.token_s if comparable and not wrong else None,
        tokens_per_step=None if told is None else told[0],
        tokens_from="" if told is None else told[1],
        step_ms=None if step_s is None else step_s * 1e3,
        step_over_plain=None if step_s is None else step_s / plain_s,
        floor_ms=None if floor is None else floor * 1e3,
        wrong=wrong,
    )


def _wrong(one: RunOfFile, other: RunOfFile) -> str:
    """What makes the time per token of one of them none: an error among its findings, or messages
    counted for tokens, as a message is a step where several tokens come per step."""
    if counts_messages(one.evidence):
        return "the run with speculation: its tool counts streamed messages, which are steps"
    for arm, which in ((one, "with"), (other, "without")):
        for finding in arm.checked.findings:
            # of a run with speculation a token may well come sooner than a step takes
            expected = arm is one and finding.id == BELOW_FLOOR
            if finding.severity is Severity.ERROR and not expected:
                return f"the run {which} speculation: {finding.title} ({finding.id})"
    return ""


def _crossings(points: Sequence[PairPoint]) -> list[float]:
    """Where the times per token are the same, by straight lines between points of one batch."""
    found = []
    known = [point for point in points if point.gain is not None]
    for one, other in pairwise(known):
        before, after = one.with_ms - one.without_ms, other.with_ms - other.without_ms
        if before * after < 0 and one.context < other.context and _same(one.batch, other.batch):
            share = before / (before - after)
            found.append(one.context + share * (other.context - one.context))
    return found


def _same(one: float | None, other: float | None) -> bool:
    return one is None or other is None or max(one, other) <= ALIKE * min(one, other)
