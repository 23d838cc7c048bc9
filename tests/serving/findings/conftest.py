"""Runs with known truth: a simulated client, and the metrics of its rows by plain NumPy."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from truetpot.serving.findings import Evidence, find
from truetpot.serving.metrics.summary import PERCENTILES, Counts, Recomputed, Summary
from truetpot.serving.records import (
    Counting,
    Definition,
    Figure,
    Gaps,
    Metric,
    Requests,
    Run,
    Setting,
    Totals,
)
from truetpot.serving.yardstick import Yardstick

NAN = math.nan


def definition(metric, canonical, counting=Counting.SERVER):
    """What a tool might state; only what the findings read matters."""
    return Definition(metric, metric.name, canonical, "", counting, "last token", "", "a test")


def summary(values):
    """By NumPy, as the interface says; the interval and the trimmed mean are not needed here."""
    values = np.asarray(values, np.float64)
    percentiles = dict(zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True))
    return Summary(
        count=len(values),
        mean=float(values.mean()),
        median=float(np.median(values)),
        median_ci=None,
        trimmed_mean=NAN,
        std=float(values.std()),
        min=float(values.min()),
        max=float(values.max()),
        percentiles={key: float(value) for key, value in percentiles.items()},
    )


def by_hand(run):
    """Every definition over the rows; nothing without rows."""
    rows, found = run.requests, {}
    if rows is None:
        return Recomputed({}, Counts(None, None, None, None, None, None))
    ok = rows.ok & np.isfinite(rows.latency_s)

    def put(name, counting, values):
        if len(values):
            found.setdefault(name, {})[counting] = summary(values)

    timed = ok & np.isfinite(rows.ttft_s)
    put("ttft", None, rows.ttft_s[timed])
    put("e2e", None, rows.latency_s[ok])
    for counting, n in rows.output_tokens.items():
        some, several = ok & (n > 0), timed & (n > 1)
        put("e2e_per_token", counting, (rows.latency_s / np.maximum(n, 1))[some])
        spans = (rows.latency_s - rows.ttft_s)[several]
        put("tpot_per_request", counting, spans / (n[several] - 1))
        if several.any():
            weighted = float(spans.sum() / (n[several] - 1).sum())
            one = replace(summary([weighted]), count=int(several.sum()))
            found.setdefault("tpot_token_weighted", {})[counting] = one
    if rows.gaps is not None:
        put("itl_per_chunk", None, rows.gaps.seconds)
    n = rows.tokens[rows.ok]
    counts = Counts(
        requests=len(rows),
        ok=int(rows.ok.sum()),
        failed=int((~rows.ok).sum()),
        no_tokens=int((n == 0).sum()),
        one_token=int((n == 1).sum()),
        short=None,
        output_tokens={key: int(column.sum()) for key, column in rows.output_tokens.items()},
    )
    return Recomputed(found, counts)


def figures_of(recomputed: Recomputed, wanted: Mapping[Metric, tuple[str, Counting | None]]):
    """The table that a tool prints."""
    figures = []
    for metric, (name, counting) in wanted.items():
        if (found := recomputed.find(name, counting)) is None:
            continue
        values = {"mean": found.mean, "median": found.median, "std": found.std, "max": found.max}
        values |= {f"p{key:g}": value for key, value in found.percentiles.items()}
        figures += [
            Figure(metric, statistic, value, f"{statistic}_{metric}_ms", "ms")
            for statistic, value in values.items()
        ]
    return tuple(figures)


WANTED = {
    Metric.TTFT: ("ttft", None),
    Metric.TPOT: ("tpot_per_request", Counting.SERVER),
    Metric.ITL: ("itl_per_chunk", None),
    Metric.E2E: ("e2e", None),
}


def simulated(
    lengths,
    *,
    pace_s=0.03,
    ttft_s=0.5,
    prompt=1024,
    concurrency=1,
    chunk=1,
    jitter=0.0,
    spread=0.0,
    seed=0,
    counted=None,
    counting=Counting.SERVER,
    from_gaps=True,
    tail_s=0.0,
    setting=None,
    tool="vllm",
):
    """A run whose requests decode `lengths` tokens at `pace_s` each, with `chunk` tokens a message.

    `counted` are other counts of the same outputs, `counting` the one that the tool divides by.
    `tail_s` passes after the last chunk, in the latency if it has a clock of its own.
    """
    random = np.random.default_rng(seed)
    lengths = np.asarray(lengths, np.int64)
    paces = pace_s * (1 + spread * random.uniform(-1, 1, len(lengths)))
    gaps, offsets = [], [0]
    for n, pace in zip(lengths, paces, strict=True):
        steps = [min(chunk, left) for left in range(n - 1, 0, -chunk)]
        noise = 1 + jitter * random.uniform(-1, 1, len(steps))
        gaps += list(pace * np.asarray(steps) * noise)
        offsets.append(len(gaps))
    gaps, offsets = np.asarray(gaps, np.float64), np.asarray(offsets, np.int64)
    sums = np.array([gaps[a:b].sum() for a, b in pairwise(offsets)])
    ttft = ttft_s * (1 + spread * random.uniform(0, 1, len(lengths)))
    latency = ttft + sums + tail_s
    start, free = np.zeros(len(lengths)), np.zeros(concurrency)
    for i, took in enumerate(latency):
        slot = int(free.argmin())
        start[i], free[slot] = free[slot], free[slot] + took
    columns = {Counting.SERVER: lengths} | (counted or {})
    run = Run(
        tool=tool,
        variant="simulated",
        place="",
        definitions={},
        figures=(),
        totals=Totals(
            duration_s=float(free.max()),
            attempted=len(lengths),
            completed=len(lengths),
            failed=0,
            input_tokens=prompt * len(lengths),
            output_tokens={key: int(column.sum()) for key, column in columns.items()},
            requests_per_s=float(len(lengths) / free.max()),
            output_tokens_per_s=float(columns[counting].sum() / free.max()),
        ),
        setting=setting or Setting(max_concurrency=concurrency),
        requests=Requests(
            prompt_tokens=np.full(len(lengths), prompt),
            output_tokens=columns,
            counting=counting,
            ttft_s=ttft,
            latency_s=latency,
            latency_from_gaps=from_gaps,
            ok=np.ones(len(lengths), bool),
            start_s=start,
            gaps=Gaps(gaps, offsets),
        ),
    )
    wanted = WANTED | {Metric.TPOT: ("tpot_per_request", counting)}
    return replace(run, figures=figures_of(by_hand(run), wanted))


def without_rows(run):
    """What a tool saves unless asked for details."""
    return replace(run, requests=None)


def with_figures(run, **values):
    """The same run with other figures, in seconds: ``mean_tpot=30.6``; None removes one."""
    figures = {(figure.statistic, figure.metric): figure for figure in run.figures}
    for name, value in values.items():
        statistic, _, metric = name.partition("_")
        key = statistic, Metric(metric)
        figures.pop(key, None)
        if value is not None:
            figures[key] = Figure(Metric(metric), statistic, value, f"{name}_ms", "ms")
    return replace(run, figures=tuple(figures.values()))


def aggregates(setting=None, totals=None, counting=Counting.UNSTATED, tool="vllm", **values):
    """A run of figures and totals alone: ``aggregates(mean_tpot=0.03, mean_itl=0.06)``."""
    definitions = {
        Metric.TPOT: definition(Metric.TPOT, "tpot_per_request", counting),
        Metric.ITL: definition(Metric.ITL, "itl_per_chunk", Counting.CHUNKS),
    }
    run = Run(tool, "table", "", definitions, (), totals or Totals(), setting or Setting())
    return with_figures(run, **values)


def steady(floor_s, per_token_s=0.0, what="a model on a card"):
    """A yardstick: a floor, and what a token of context adds for each sequence."""
    return Yardstick(what, lambda c, b: floor_s + per_token_s * c * b, "by the test")


class Tools:
    """What tests take: one fixture instead of ten."""

    simulated = staticmethod(simulated)
    aggregates = staticmethod(aggregates)
    without_rows = staticmethod(without_rows)
    with_figures = staticmethod(with_figures)
    definition = staticmethod(definition)
    by_hand = staticmethod(by_hand)
    figures_of = staticmethod(figures_of)
    steady = staticmethod(steady)
    wanted = WANTED

    @staticmethod
    def evidence(run, recomputed=None, **held):
        """With the metrics of its rows by NumPy, or by `recomputed(run)`."""
        return Evidence(run, (recomputed or by_hand)(run), **held)

    @classmethod
    def found(cls, run, **held):
        """Findings by id."""
        return {finding.id: finding for finding in find(cls.evidence(run, **held))}


@pytest.fixture(scope="session")
def make():
    return Tools
