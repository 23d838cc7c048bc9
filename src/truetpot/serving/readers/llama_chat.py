"""The speeds that llama-cli shows below each answer since 2026: no times, no counts.

ggml-org/llama.cpp ``tools/cli/cli.cpp``: ``[ Prompt: 19.5 t/s | Generation: 11.8 t/s ]``, which are
the ``prompt_per_second`` and ``predicted_per_second`` of the server that it runs within.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.llama_devices import devices
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Figure, Floats, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL, _VARIANT = "llama-cli", "speeds"
_NUMBER = r"(\d{1,9}(?:[.,]\d{1,9})?)"
_SPEEDS = re.compile(rf"\[ Prompt: {_NUMBER} t/s \| Generation: {_NUMBER} t/s")
_BANNER = re.compile(r"(build|model) {1,12}: (\S{1,300})\s*")
_BUILD = re.compile(r"b(\d{1,9})-(\w{1,40})")
_LONGEST_LINE = 400
_NOTE = (
    "llama-cli shows speeds with one decimal and no counts: llama-bench, or the log of"
    " llama-server, says more."
)


@dataclass
class _Shown:
    """What stands in the file."""

    speeds: list[float]
    banner: dict[str, str]


def _shown(source: Source) -> _Shown:
    shown = _Shown([], {})
    for _, text in source.lines():
        text = text[:_LONGEST_LINE]
        if match := _SPEEDS.search(text):
            shown.speeds.append(float(match[2].replace(",", ".")))
        elif match := _BANNER.fullmatch(text):
            shown.banner.setdefault(match[1], match[2])
    return shown


def _recognises(source: Source) -> bool:
    """Where the times are printed too, these say more."""
    return source.has(b" t/s | Generation: ") and not source.has(b" eval time")


def _read(source: Source) -> list[Run]:
    """One run of all answers: the figures are of the inverse of their speeds."""
    shown = _shown(source)
    speeds = np.array(shown.speeds)
    speeds = speeds[speeds > 0]
    if not len(speeds):
        raise source.error("has no speed of generation above zero: let it answer with some tokens")
    build = _BUILD.fullmatch(shown.banner.get("build", ""))
    device, cards = devices(source)
    return [
        Run(
            tool=_TOOL,
            variant=_VARIANT,
            place="",
            definitions=definitions(_TOOL, _VARIANT),
            figures=_figures(1 / speeds),
            totals=Totals(attempted=len(shown.speeds), completed=len(speeds)),
            setting=Setting(
                model=shown.banner.get("model"),
                batch=1,
                tool_version=f"build {build[1]} ({build[2]})" if build else None,
                device=device,
                devices=cards,
            ),
            notes=(_NOTE,),
        )
    ]


def _figures(seconds: Floats) -> tuple[Figure, ...]:
    values = {"mean": seconds.mean()}
    if len(seconds) > 1:
        values |= {"median": np.median(seconds), "min": seconds.min(), "max": seconds.max()}
    return tuple(
        figure(Metric.TPOT, statistic, float(value), "1/Generation", "s")
        for statistic, value in values.items()
    )


READERS = (TextReader("the speeds that llama-cli shows", _recognises, _read),)
