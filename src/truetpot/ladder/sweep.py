"""A rung over contexts as a line: what a step takes with an empty cache, and what a token adds."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.records.sweep import FitRow, RequestRow, SweepPoint
from truetpot.records.words import PointStatus
from truetpot.stats import fit_line

FITTED = ("spec", "ceiling", "kernels", "step")


def fits(
    points: Sequence[SweepPoint], request: RequestRow | None, query_tokens: int = 1
) -> list[FitRow]:
    """A row a batch and rung that has two contexts or more, by batch in the order of the points.

    All points have so many query tokens.
    """
    found = []
    for batch in dict.fromkeys(point.batch for point in points):
        for rung in FITTED:
            times = {
                point.context: ms
                for point in points
                if point.batch == batch and (ms := _ms(point, rung)) is not None
            }
            if (row := _row(batch, rung, times, request, query_tokens)) is not None:
                found.append(row)
    return found


def last_context(request: RequestRow, query_tokens: int = 1) -> int:
    """The last context from which a step could yield all of its tokens; the prompt's at least.

    Of N tokens the first comes out of the prefill. With one query token N - 1 take a step each,
    which finds the prompt and the tokens before it but the one that it is given.
    """
    return request.prompt + max(0, request.output - 1 - query_tokens)


def mean_context(request: RequestRow, query_tokens: int = 1) -> float:
    """Tokens in the cache in the mean of the steps, from the prompt's to `last_context`."""
    return (request.prompt + last_context(request, query_tokens)) / 2


def _ms(point: SweepPoint, rung: str) -> float | None:
    if point.status is not PointStatus.OK or point.record is None:
        return None
    found = point.record.rungs.get(rung)
    return None if found is None else found.ms_per_token


def _row(
    batch: int, rung: str, times: dict[int, float], request: RequestRow | None, query_tokens: int
) -> FitRow | None:
    line = fit_line([*times], [*times.values()])
    if line is None:
        return None
    beyond = False
    if request is not None:
        last = last_context(request, query_tokens)
        beyond = request.prompt < min(times) or last > max(times)
    return FitRow(
        batch=batch,
        rung=rung,
        base_ms=line.base,
        us_per_token=line.slope * 1e3,
        contexts=[*times],
        residuals=[*line.residuals],
        mean_ms=None if request is None else line.at(mean_context(request, query_tokens)),
        extrapolated=beyond,
    )
