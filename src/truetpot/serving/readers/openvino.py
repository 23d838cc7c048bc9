"""An iteration of OpenVINO GenAI's ``llm_bench``, in whatever form it was written, and its run.

From ``tools/llm_bench`` of openvinotoolkit/openvino.genai: ``task/text_generation.py`` at 0013dc7
counts the tokens of a prompt and of its output over the whole batch, and the times are those of a
step, in which each sequence of the batch gets a token.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import NAN, Rows
from truetpot.serving.records import UNKNOWN, Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

TOOL = "openvino-llm-bench"


@dataclass
class Iteration:
    """One call of generate(). Milliseconds, NaN where not written; counts -1."""

    number: int = UNKNOWN
    """0 is the warm-up."""
    prompt: str = "0"
    """Index of the prompt."""
    input_tokens: int = UNKNOWN
    """Over the batch."""
    output_tokens: int = UNKNOWN
    """Over the batch."""
    per_token_ms: float = NAN
    """``latency``: the time of generate() over the tokens of a sequence."""
    first_ms: float = NAN
    other_ms: float = NAN
    timed: bool = False
    """Whether the log had its latencies."""
    accepted: int = UNKNOWN
    """Draft tokens that the main model accepted, of speculative decoding."""


@dataclass(frozen=True)
class Average:
    """What the tool itself says of a prompt: ``avg``, ``mini`` or ``median`` of its iterations."""

    statistic: str
    key: str
    """Where in the file."""
    first_ms: float = NAN
    other_ms: float = NAN
    per_token_ms: float = NAN


def runs_of(
    iterations: Sequence[Iteration],
    averages: dict[str, list[Average]],
    setting: Setting,
    variant: str,
) -> list[Run]:
    """One run a prompt, without the warm-up; [] if there are only warm-ups and no averages."""
    prompts = dict.fromkeys([each.prompt for each in iterations] + list(averages))
    several = len(prompts) > 1
    found = []
    for prompt in prompts:
        measured = [each for each in iterations if each.prompt == prompt and each.number != 0]
        said = averages.get(prompt, [])
        if measured or said:
            place = f"prompt {prompt}" if several else ""
            found.append(_run(measured, said, setting, variant, place))
    return found


def _run(
    measured: list[Iteration], averages: list[Average], setting: Setting, variant: str, place: str
) -> Run:
    """Rows are of one sequence of the batch: its tokens are the batch's over its size, rounded. Its
    latency is the tool's per-token latency times its tokens, or, where that is not written, the
    first step and the mean of the others times their number."""
    rows = Rows()
    batch = setting.batch or 1
    for each in measured:
        tokens = _share(each.output_tokens, batch)
        known = tokens if tokens > 0 else NAN
        latency = each.per_token_ms * known
        if math.isnan(latency):
            latency = each.first_ms + each.other_ms * (known - 1)
        rows.add(
            tokens={Counting.SERVER: tokens},
            prompt=_share(each.input_tokens, batch),
            ttft=each.first_ms / 1e3,
            latency=latency / 1e3,
        )
    return Run(
        tool=TOOL,
        variant=variant,
        place=place,
        definitions=definitions(TOOL),
        figures=tuple(_figures(averages or _mean(measured))),
        totals=Totals(attempted=len(rows) or None, completed=len(rows) or None),
        setting=setting,
        requests=rows.requests(Counting.SERVER) if len(rows) else None,
        notes=("One process and no server: queue and network are not in the times.",),
    )


def _share(tokens: int, batch: int) -> int:
    return UNKNOWN if tokens < 0 else round(tokens / batch)


def _mean(measured: list[Iteration]) -> list[Average]:
    """As the tool takes it for its log, where the file has the iterations only."""
    if not measured:
        return []
    names = ("first_ms", "other_ms", "per_token_ms")
    means = [sum(getattr(each, name) for each in measured) / len(measured) for name in names]
    key = "iteration" if len(measured) == 1 else f"mean of {len(measured)} iterations"
    return [Average("mean", key, *means)]


def _figures(averages: list[Average]) -> Iterator[Figure]:
    for each in averages:
        for metric, value, name in (
            (Metric.TTFT, each.first_ms, "1st token"),
            (Metric.TPOT, each.other_ms, "2nd token"),
            (Metric.E2E_PER_TOKEN, each.per_token_ms, "latency"),
        ):
            if not math.isnan(value):
                yield figure(metric, each.statistic, value, f"{each.key}, {name}", "ms")


def per_step(iterations: Sequence[Iteration]) -> float | None:
    """Tokens a step of speculative decoding: a step gives one token and the accepted drafts."""
    drafted = [each for each in iterations if each.number != 0 and each.accepted > 0]
    generated = sum(each.output_tokens for each in drafted)
    accepted = sum(each.accepted for each in drafted)
    return generated / (generated - accepted) if 0 < accepted < generated else None
