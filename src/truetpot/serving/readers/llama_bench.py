"""llama.cpp's ``llama-bench -o json`` (a list) and ``-o jsonl`` (one test a line)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.llama_devices import devices, summed
from truetpot.serving.readers.rows import Rows, added, objects
from truetpot.serving.readers.source import Source
from truetpot.serving.records import UNKNOWN, Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

TOOL = "llama-bench"
_SIZED = re.compile(r"\d(?:\.\d+)?[bB](?![a-z])")


class Fields(Protocol):
    """One test by the names of ggml-org/llama.cpp ``tools/llama-bench/llama-bench.cpp``,
    ``test::get_fields`` (at 0104b151c), in whichever form; None for what is not there."""

    @property
    def where(self) -> str:
        """The place of the fields in their file."""

    def text(self, key: str, /) -> str | None:
        """The field as a string; None if absent or empty."""

    def count(self, key: str, /) -> int | None:
        """The field as a whole number; None if absent or empty."""

    def number(self, key: str, /) -> float | None:
        """The field as a number; None if absent or empty."""


def _recognises(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else first
    return some is not None and {"n_gen", "n_prompt", "avg_ns", "model_size"} <= some.members.keys()


def _read(document: Document) -> list[Run]:
    tests = [(node, node.floats("samples_ns")) for node in objects(document)]
    samples = [[] if ns is None else (ns / 1e9).tolist() for _, ns in tests]
    return runs_of(document.source, [node for node, _ in tests], samples)


def runs_of(
    source: Source, tests: Sequence[Fields], samples_s: Sequence[list[float]] = ()
) -> list[Run]:
    """One run a test that generates tokens; `samples_s` are the seconds of a test's repetitions.

    Each sample is a row: n_gen tokens in the whole time, which is decoding alone where the test has
    no prompt. Where it has one (``pp512+tg128``) nothing says how long the n_gen tokens took, so
    the rows have no count. Raises UserError if no test generates.
    """
    several = len(tests) > 1
    listed = devices(source)
    runs = [
        _run(test, samples_s[i] if samples_s else [], several, listed)
        for i, test in enumerate(tests)
        if test.count("n_gen")
    ]
    if not runs:
        raise source.error("has tests of prompts only (n_gen is 0): run it with -n 128")
    return runs


def _run(
    test: Fields, samples_s: list[float], several: bool, listed: tuple[str | None, int | None]
) -> Run:
    n_prompt, n_gen = test.count("n_prompt") or 0, test.count("n_gen") or 0
    depth = test.count("n_depth") or 0
    context = added(n_prompt, depth)
    rows = Rows()
    for sample in samples_s:
        tokens = {} if n_prompt else {Counting.SERVER: n_gen}
        rows.add(tokens=tokens, prompt=context, latency=sample)
    notes = []
    if n_prompt:
        notes.append(f"The times include {n_prompt:,} tokens of prompt: no decode time is in here.")
    if depth:
        notes.append(f"{depth:,} tokens were in the cache before the clock started.")
    device, cards = _devices(test, listed)
    return Run(
        tool=TOOL,
        variant=_name(n_prompt, n_gen, depth),
        place=test.where if several else "",
        definitions=definitions(TOOL),
        figures=_figures(test, bool(samples_s or n_prompt), several),
        totals=Totals(
            attempted=len(rows) or None,
            completed=len(rows) or None,
            output_tokens_per_s=None if n_prompt else test.number("avg_ts"),
            total_tokens_per_s=test.number("avg_ts"),
        ),
        setting=Setting(
            model=_model(test),
            date=test.text("test_time"),
            batch=1,
            input_tokens=None if context == UNKNOWN else context,
            output_tokens=n_gen,
            ignore_eos=True,
            streaming=False,
            weight_format=test.text("model_type"),
            model_bytes=test.count("model_size"),
            tool_version=_version(test),
            device=device,
            devices=cards,
            kv_format=_kv_format(test),
            depth=depth,
        ),
        requests=rows.requests(Counting.SERVER) if len(rows) else None,
        notes=tuple(notes),
    )


def _figures(test: Fields, has_times: bool, several: bool) -> tuple[Figure, ...]:
    """Times of a test; a time per token is 1 / avg_ts where no sample says it better."""
    times = [
        figure(Metric.E2E, statistic, test.number(key), f"{_at(test, several)}{key}", "ns")
        for statistic, key in (("mean", "avg_ns"), ("std", "stddev_ns"))
        if test.number(key) is not None
    ]
    rate = test.number("avg_ts")
    if rate and not has_times:
        key = f"{_at(test, several)}1/avg_ts"
        times.append(figure(Metric.E2E_PER_TOKEN, "mean", 1 / rate, key, "s"))
    return tuple(times)


def _at(test: Fields, several: bool) -> str:
    if not several:
        return ""
    return f"{test.where}." if test.where.startswith("[") else f"{test.where}, "


def _name(n_prompt: int, n_gen: int, depth: int) -> str:
    """As llama-bench's table names a test."""
    name = f"pp{n_prompt}+tg{n_gen}" if n_prompt else f"tg{n_gen}"
    return f"{name} @ d{depth}" if depth else name


def _model(test: Fields) -> str | None:
    """The file's name where it has a size in it, as in ``qwq-32b-q4_k_m.gguf``; else what
    llama.cpp calls the model: ``llama 7B Q4_0``."""
    file = test.text("model_filename") or ""
    return file if _SIZED.search(file) else test.text("model_type") or file or None


def _version(test: Fields) -> str | None:
    number, commit = test.count("build_number"), test.text("build_commit")
    if number is None:
        return None
    return f"build {number} ({commit})" if commit else f"build {number}"


def _kv_format(test: Fields) -> str | None:
    keys, values = test.text("type_k"), test.text("type_v")
    return keys if keys == values or not values else f"{keys}/{values}"


def _devices(
    test: Fields, listed: tuple[str | None, int | None]
) -> tuple[str | None, int | None]:
    """From ``gpu_info``, all cards there are, with commas between ("/" before 2024-11); else from
    stderr. ``devices`` and a split mode say how many of equal ones were used; none were with 0
    layers there."""
    if test.count("n_gpu_layers") == 0:
        return None, None
    info = test.text("gpu_info") or ""
    names = [name.strip() for name in re.split(r", |/(?=\S)", info) if name.strip()]
    device, cards = summed(names) if names else listed
    chosen = test.text("devices") or "auto"
    if cards is not None and chosen not in ("auto", "none"):
        cards = chosen.count("/") + 1
    return device, 1 if cards is not None and test.text("split_mode") == "none" else cards


READERS = (JsonReader("llama-bench -o json or jsonl", _recognises, _read),)
