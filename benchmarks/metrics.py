"""Percentiles and the token-weighted mean of a serving result's gaps, beside NumPy and Polars.

    python -m benchmarks.metrics

compares them round by round, without ASV, at the size of ``TRUETPOT_BENCH``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from truetpot.serving.metrics.pooled import percentiles, request_sums
from truetpot.serving.metrics.summary import PERCENTILES
from truetpot.serving.records import Gaps

from . import common

GAPS = 50_000_000 if common.SIZE.name != "small" else 2_000_000
PROVIDERS = ["numba", "numpy", "polars"]


class Percentiles:
    """p50, p75, p90, p95, p99 and p99.9 of all gaps together."""

    version = "1"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "gaps")
    params = (["cpu"], PROVIDERS, [GAPS])

    def track_time(self, device, provider, gaps):
        """Seconds a call."""
        return _timed(_percentiles(provider), _check_percentiles)

    track_time.rounds = common.ROUNDS


class WeightedMean:
    """Each request's gaps spread over its tokens, averaged over tokens: ``itl_per_token``.

    NumPy has two ways: ``numpy`` weights every gap, which is what its weighted mean takes;
    ``numpy-reduceat`` sums by request first, as the other providers do.
    """

    version = "1"
    unit = "seconds"
    timeout = 900
    param_names = ("device", "provider", "gaps")
    params = (["cpu"], [*PROVIDERS, "numpy-reduceat"], [GAPS])

    def track_time(self, device, provider, gaps):
        """Seconds a call."""
        return _timed(_weighted_mean(provider), _check_mean)

    track_time.rounds = common.ROUNDS


@cache
def _data() -> tuple[Gaps, np.ndarray]:
    """500 a request on average, none in every hundredth; tokens after the first [requests]."""
    rng = np.random.default_rng(0)
    inner = np.sort(rng.integers(0, GAPS, GAPS // 500 - 1))
    inner[1::100] = inner[:-1:100]
    offsets = np.concatenate([[0], inner, [GAPS]])
    gaps = Gaps(rng.lognormal(-3.5, 0.4, GAPS), offsets)
    return gaps, gaps.counts() * rng.integers(1, 4, len(inner) + 1)


def _percentiles(provider: str) -> Callable[[], Any]:
    gaps, _ = _data()
    if provider == "numba":
        return lambda: [*percentiles(gaps).values()]
    if provider == "numpy":
        return lambda: np.percentile(gaps.seconds, PERCENTILES)
    # One expression each: they run in parallel, which a list of quantiles in one does not.
    pl = _polars()
    frame = pl.DataFrame({"gap": gaps.seconds})
    wanted = [pl.col("gap").quantile(q / 100, "linear").alias(str(q)) for q in PERCENTILES]
    return lambda: frame.select(wanted).row(0)


def _weighted_mean(provider: str) -> Callable[[], Any]:
    gaps, tokens = _data()
    counts = gaps.counts()
    some = counts > 0
    weights = tokens[some]
    if provider == "numba":
        return lambda: np.average(request_sums(gaps)[some] / weights, weights=weights)
    if provider == "numpy":

        def every_gap():
            share = np.repeat(weights / counts[some], counts[some])
            return np.average(gaps.seconds / share, weights=share)

        return every_gap
    if provider == "numpy-reduceat":
        starts = gaps.offsets[:-1][some]  # it does not know an empty list

        def by_request():
            return np.average(np.add.reduceat(gaps.seconds, starts) / weights, weights=weights)

        return by_request
    pl = _polars()
    request = np.repeat(np.arange(len(counts)), counts)
    lists = pl.DataFrame({"request": request, "gap": gaps.seconds})
    lists = lists.group_by("request", maintain_order=True).agg("gap")
    lists = lists.with_columns(pl.Series("tokens", weights))
    mean = (pl.col("gap").list.sum() / pl.col("tokens") * pl.col("tokens")).sum()
    return lambda: lists.select(mean / pl.col("tokens").sum()).item()


def _polars() -> Any:
    try:
        import polars as pl
    except ImportError as error:
        common.skip(str(error))
    return pl


def _check_percentiles(found: Any) -> None:
    """To the last bit of NumPy's double; Polars interpolates with another rounding."""
    expected = np.percentile(_data()[0].seconds, PERCENTILES)
    if not np.allclose(found, expected, rtol=1e-14, atol=0):
        raise RuntimeError(f"percentiles are {found}, not {expected}")


@cache
def _mean() -> float:
    """Correctly rounded."""
    gaps, tokens = _data()
    pieces = (gaps.seconds[at : at + 100_000].tolist() for at in range(0, GAPS, 100_000))
    return math.fsum(chain.from_iterable(pieces)) / int(tokens.sum())


def _check_mean(found: Any) -> None:
    if not math.isclose(found, _mean(), rel_tol=1e-12):
        raise RuntimeError(f"the weighted mean is {found}, not {_mean()}")


def _timed(call: Callable[[], Any], check: Callable[[Any], None]) -> dict[str, Any]:
    """Check what it returns, then give ASV the seconds of further calls."""
    check(call())
    seconds, end = [], time.perf_counter() + common.SECONDS
    while len(seconds) < common.SAMPLES or time.perf_counter() < end:
        seconds.append(_once(call))
    return common.samples(seconds)


def _once(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """All providers in turn, eleven rounds; medians, and their ratio to numba's."""
    for bench, make, check in (
        (Percentiles, _percentiles, _check_percentiles),
        (WeightedMean, _weighted_mean, _check_mean),
    ):
        calls = {}
        for provider in bench.params[1]:
            try:
                calls[provider] = make(provider)
            except common.SkipNotImplemented:
                continue
            check(calls[provider]())
        rounds = [{name: _once(call) for name, call in calls.items()} for _ in range(11)]
        print(f"{bench.__name__}, {GAPS:.0e} gaps, median of {len(rounds)} rounds in turn")
        for name in calls:
            taken = np.array([each[name] for each in rounds])
            ratios = taken / [each["numba"] for each in rounds]
            low, high = np.percentile(ratios, [25, 75])
            ratio = np.median(taken) / np.median([each["numba"] for each in rounds])
            print(f"  {name:15} {np.median(taken) * 1e3:8.1f} ms  {ratio:5.2f} x numba", end="")
            print(f"  (quarter to three quarters of the rounds: {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
