"""llama.cpp's ``llama-bench -o json`` (a list) and ``-o jsonl`` (one test a line)."""

from __future__ import annotations

from itertools import islice

from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import Rows, added, objects
from truetpot.serving.records import UNKNOWN, Counting, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "llama-bench"


def _recognises(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else first
    return some is not None and {"n_gen", "n_prompt", "avg_ns", "model_size"} <= some.members.keys()


def _read(document: Document) -> list[Run]:
    """One run a test that generates tokens. Each of its samples is a row: n_gen tokens in the whole
    time, which is decoding alone where the test has no prompt.
    """
    tests = list(objects(document))
    several = len(tests) > 1
    runs = [_run(node, several) for node in tests if node.count("n_gen")]
    if not runs:
        raise document.source.error("has tests of prompts only (n_gen is 0): run it with -n 128")
    return runs


def _run(test: Node, several: bool) -> Run:
    n_prompt, n_gen = test.count("n_prompt") or 0, test.count("n_gen") or 0
    depth = test.count("n_depth") or 0
    context = added(n_prompt, depth)
    samples = test.floats("samples_ns")
    rows = Rows()
    for sample in () if samples is None else (samples / 1e9).tolist():
        rows.add(tokens={Counting.SERVER: n_gen}, prompt=context, latency=sample)
    notes = []
    if n_prompt:
        notes.append(f"The times include {n_prompt:,} tokens of prompt: no decode time is in here.")
    if depth:
        notes.append(f"{depth:,} tokens were in the cache before the clock started.")
    return Run(
        tool=_TOOL,
        variant=_name(n_prompt, n_gen, depth),
        place=test.where if several else "",
        definitions=definitions(_TOOL),
        figures=tuple(
            figure(Metric.E2E, statistic, test.number(key), f"{_at(test, several)}{key}", "ns")
            for statistic, key in (("mean", "avg_ns"), ("std", "stddev_ns"))
        ),
        totals=Totals(
            attempted=len(rows),
            completed=len(rows),
            output_tokens_per_s=None if n_prompt else test.number("avg_ts"),
            total_tokens_per_s=test.number("avg_ts"),
        ),
        setting=Setting(
            model=test.text("model_filename"),
            date=test.text("test_time"),
            batch=1,
            input_tokens=None if context == UNKNOWN else context,
            output_tokens=n_gen,
            ignore_eos=True,
            streaming=False,
            weight_format=test.text("model_type"),
            model_bytes=test.count("model_size"),
            device=test.text("gpu_info"),
        ),
        requests=rows.requests(Counting.SERVER) if len(rows) else None,
        notes=tuple(notes),
    )


def _at(test: Node, several: bool) -> str:
    if not several:
        return ""
    return f"{test.where}." if test.where.startswith("[") else f"{test.where}, "


def _name(n_prompt: int, n_gen: int, depth: int) -> str:
    """As llama-bench's table names a test."""
    name = f"pp{n_prompt}+tg{n_gen}" if n_prompt else f"tg{n_gen}"
    return f"{name} @ d{depth}" if depth else name


READERS = (JsonReader("llama-bench -o json or jsonl", _recognises, _read),)
