"""llama-benchy's ``--format json``: a list of tests, each with the speeds of its requests.

eugr/llama-benchy ``src/llama_benchy/results.py`` at bd412541 and
``schemas/benchmark_report_schema.json`` at 218200c6. Speeds are in tokens/s, times in ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import added
from truetpot.serving.readers.statistics import statistics
from truetpot.serving.records import Figure, Floats, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

TOOL = "llama-benchy"
_KEYS = {"benchmarks", "latency_mode", "prefix_caching_enabled"}


@dataclass(frozen=True)
class _Test:
    """One entry of ``benchmarks``."""

    node: Node
    users: int
    prompt: int
    context: int
    response: int
    is_context: bool
    """The context alone was loaded, and an answer generated to it."""

    @property
    def name(self) -> str:
        """As its table names a test."""
        name = "ctx_tg" if self.is_context else f"tg{self.response}"
        depth = f" @ d{self.context}" if self.context else ""
        return f"{name}{depth} (c{self.users})"


def _recognises(first: Node) -> bool:
    return first.members.keys() >= _KEYS


def _read(document: Document) -> list[Run]:
    runs = []
    for report in document.values():
        tests = [_test(node) for node in report.elements("benchmarks")]
        several = document.several or len(tests) > 1
        runs += [_run(report, test, several) for test in tests if _generates(test.node)]
    if not runs:
        raise document.source.error("has no speed of generation in any test: run it with --tg 128")
    return runs


def _test(node: Node) -> _Test:
    return _Test(
        node,
        node.count("concurrency") or 1,
        node.count("prompt_size") or 0,
        node.count("context_size") or 0,
        node.count("response_size") or 0,
        node.flag("is_context_prefill_phase") or False,
    )


def _generates(node: Node) -> bool:
    return any(node.get(key) is not None for key in ("tg_throughput", "tg_req_throughput"))


def _run(report: Node, test: _Test, several: bool) -> Run:
    """A request's speed is (n - 1) / (end - first token), so its inverse is its time per token: the
    figures are of these inverses. With several users ``tg_throughput`` is of all of them together.
    """
    key = "tg_req_throughput" if test.users > 1 else "tg_throughput"
    speeds = test.node.floats(key, "values")
    figures = _per_token(speeds, f"{_at(test, several)}1/{key}")
    together = test.node.number("tg_throughput", "mean") if test.users > 1 else None
    cached = report.flag("prefix_caching_enabled") and test.context and not test.is_context
    notes = [f"{test.context:,} tokens of context were in the server's cache."] if cached else []
    context = added(test.context, 0 if test.is_context else test.prompt)
    many = None if speeds is None or not len(speeds) else len(speeds)
    return Run(
        tool=TOOL,
        variant=test.name,
        place=test.node.where if several else "",
        definitions=definitions(TOOL),
        figures=(*figures, *statistics(Metric.TTFT, test.node.get("e2e_ttft"), "ms")),
        totals=Totals(attempted=many, completed=many, output_tokens_per_s=together),
        setting=Setting(
            model=report.text("model"),
            date=report.text("timestamp"),
            max_concurrency=test.users,
            input_tokens=context if context > 0 else None,
            output_tokens=test.response or None,
            streaming=True,
            tool_version=report.text("version"),
        ),
        notes=tuple(notes),
    )


def _at(test: _Test, several: bool) -> str:
    return f"{test.node.where}." if several else ""


def _per_token(speeds: Floats | None, key: str) -> tuple[Figure, ...]:
    if speeds is None or not (speeds > 0).any():
        return ()
    seconds = 1 / speeds[speeds > 0]
    values = {
        "mean": seconds.mean(),
        "median": np.median(seconds),
        "std": seconds.std(),
        "min": seconds.min(),
        "max": seconds.max(),
    }
    return tuple(
        figure(Metric.TPOT, statistic, float(value), key, "s")
        for statistic, value in values.items()
    )


READERS = (JsonReader("llama-benchy --format json", _recognises, _read),)
