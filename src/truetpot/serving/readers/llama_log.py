"""The timings that llama.cpp prints: llama-cli's at its end, llama-server's after each request.

ggml-org/llama.cpp: ``llama_perf_context_print`` of ``src/llama-context.cpp`` (before 2024-09
``llama_print_timings``), ``common_perf_print`` of ``common/sampling.cpp`` (since 2026), and
``print_timings`` of ``tools/server/server-context.cpp``, whose lines have had three forms: a block
below ``print_timing``, each with its slot and task, and in 2024 ``generation eval time``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from truetpot.serving.readers.detect import TextReader
from truetpot.serving.readers.drafts import drafts
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.json_values import as_float
from truetpot.serving.readers.llama_load import Loaded, loaded
from truetpot.serving.readers.llama_server import TOOL as SERVER
from truetpot.serving.readers.llama_server import divisor, per_step
from truetpot.serving.readers.rows import NAN, Rows
from truetpot.serving.readers.source import Source
from truetpot.serving.records import UNKNOWN, Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

CLI = "llama-cli"
_TIME = re.compile(
    r"(?P<kind>prompt eval|generation eval|eval) time *= *(?P<ms>\d{1,12}(?:\.\d+)?) ms */ *"
    r"(?P<n>\d{1,12}) (?:tokens|runs) *(?:\( *(?P<each>\d{1,12}\.\d+) ms per token)?"
)
_PROGRAM = re.compile(r"\b(?:llama_print_timings|llama_perf_context_print|common_perf_print):")
_TASK = re.compile(r"\btask (-?\d{1,9}) \||\bid_task=(\d{1,9})")
_PROMPT = re.compile(r"new prompt, .*\bn_(?:prompt_)?tokens = (\d{1,9})")
_DRAFT = re.compile(r"draft acceptance(?: rate)? = .*\( *(\d{1,9}) accepted / *(\d{1,9}) generated")
_LENGTH = re.compile(r"\), mean len = *(\d{1,6}\.\d+)")
_POSITIONS = re.compile(r"\bacc per pos = \(([\d., ]{1,600})\)")
_LONGEST_LINE = 800
_CLOCK = re.compile(r"(?:^|\s)(\d{1,7})\.(\d\d)\.(\d{3})\.(\d{3}) [A-Z] ")


@dataclass
class _Request:
    """Times in ms; -1 and NaN for what was not printed."""

    line: int
    prompt_ms: float = NAN
    prompt_n: int = UNKNOWN
    """Without the tokens found in the cache."""
    whole_prompt: int = UNKNOWN
    ms: float = NAN
    n: int = UNKNOWN
    each_ms: float = NAN
    """As printed, with two decimals."""
    end_s: float = NAN
    drafted: int = 0
    accepted: int = 0
    mean_length: float = NAN
    """Tokens of a step that verified a draft, as printed, with two decimals."""
    by_position: tuple[float, ...] = ()
    """Shares of these steps."""

    @property
    def verified(self) -> float:
        """Steps that verified a draft; of a log that does not say it, all of its steps."""
        if self.mean_length > 1:
            return self.accepted / (self.mean_length - 1)
        return max(1, self.n - self.accepted)


def _recognises(source: Source) -> bool:
    if not source.has(b" eval time"):
        return False
    lines = (text[:_LONGEST_LINE] for _, text in source.lines() if " eval time" in text)
    return any(map(_TIME.search, lines))


def _read(source: Source) -> list[Run]:
    """A run for each llama-cli, one for all requests of the server."""
    found = list(_requests(source))
    single = [request for is_cli, request in found if is_cli]
    served = [request for is_cli, request in found if not is_cli]
    if not found:
        raise source.error(
            "has timings of prompts only: let it generate, with -n 128 or a longer answer"
        )
    shared = loaded(source)
    several = len(single) + bool(served) > 1
    runs = [_of_program(request, shared, several) for request in single]
    return runs + ([_of_server(served, shared, several)] if served else [])


def _requests(source: Source) -> Iterator[tuple[bool, _Request]]:
    """Each that generated, in the order of their ends, and whether llama-cli printed it."""
    open_now: dict[str, _Request] = {}
    prompts: dict[str, int] = {}
    done: list[tuple[bool, _Request]] = []
    last: dict[str, _Request] = {}
    task = ""
    for line, whole in source.lines():
        text = whole[:_LONGEST_LINE]
        if match := _TASK.search(text):
            task = match[1] or match[2]
        if match := _PROMPT.search(text):
            prompts[task] = int(match[1])
        elif (match := _DRAFT.search(text)) and task in last:
            drafting = last[task]
            drafting.accepted, drafting.drafted = int(match[1]), int(match[2])
            if length := _LENGTH.search(text):
                drafting.mean_length = float(length[1])
        elif (match := _POSITIONS.search(text)) and task in last:
            last[task].by_position = tuple(_floats(match[1]))
        elif match := _TIME.search(text):
            is_cli = _PROGRAM.search(text) is not None
            key = "" if is_cli else task
            if match["kind"] == "prompt eval":
                open_now[key] = _Request(line, float(match["ms"]), int(match["n"]))
                continue
            request = open_now.pop(key, None) or _Request(line)
            request.ms, request.n = float(match["ms"]), int(match["n"])
            request.each_ms = float(match["each"] or "nan")
            request.end_s = _clock(text)
            if not is_cli:
                request.whole_prompt = prompts.pop(key, UNKNOWN)
                last[key] = request
            if request.ms > 0 and request.n > 0:
                done.append((is_cli, request))
    yield from done


def _floats(text: str) -> Iterator[float]:
    """Of a list with commas; what is no number ends it."""
    for word in text.split(","):
        if (value := as_float(word.strip())) is None:
            return
        yield value


def _clock(text: str) -> float:
    """Minutes, seconds, ms and us since the program began, where a line has them."""
    match = _CLOCK.search(text)
    if not match:
        return NAN
    minutes, seconds, ms, us = map(int, match.groups())
    return 60 * minutes + seconds + ms / 1e3 + us / 1e6


def _of_program(request: _Request, shared: Loaded, several: bool) -> Run:
    """llama-cli counts the evaluations of one token: the first token came from the prompt's, so n
    evaluations made n + 1 tokens.
    """
    rows = Rows()
    _add(rows, request, request.n + 1)
    return Run(
        tool=CLI,
        variant="printed timings",
        place=f"line {request.line}" if several else "",
        definitions=definitions(CLI, "times"),
        figures=_figures(request),
        totals=Totals(attempted=1, completed=1),
        setting=Setting(batch=1, **shared),
        requests=rows.requests(Counting.SERVER),
        notes=(f"{request.n:,} evaluations of one token: the first token is the prompt's.",),
    )


def _of_server(requests: Sequence[_Request], shared: Loaded, several: bool) -> Run:
    """The latency is the prompt's time and the generation's: the server prints no other."""
    rows = Rows()
    for request in requests:
        _add(rows, request, request.n)
    generated = sum(request.n for request in requests)
    drafted = sum(request.drafted for request in requests)
    accepted = sum(request.accepted for request in requests)
    (one,) = requests if len(requests) == 1 else (None,)
    variant = divisor([(r.ms, r.n, r.each_ms, 0.00501) for r in requests])
    return Run(
        tool=SERVER,
        variant=f"log, {variant}",
        place=f"line {requests[0].line}" if several else "",
        definitions=definitions(SERVER, variant),
        figures=_figures(one) if one else (),
        totals=Totals(attempted=len(rows), completed=len(rows)),
        setting=Setting(tokens_per_step=per_step(generated, drafted, accepted), **shared),
        requests=rows.requests(Counting.SERVER),
        drafts=drafts(
            "draft acceptance", drafted=drafted, accepted=accepted, by_position=_shares(requests)
        ),
        notes=("The times are the server's own: queue and network are not in them.",),
    )


def _shares(requests: Sequence[_Request]) -> tuple[float, ...]:
    """By position, the mean over all steps that verified a draft; () where a request tells none."""
    told = [request for request in requests if request.drafted]
    if not told or not all(request.by_position for request in told):
        return ()
    most, steps = max(len(one.by_position) for one in told), sum(one.verified for one in told)
    return tuple(
        sum(one.verified * one.by_position[i] for one in told if i < len(one.by_position)) / steps
        for i in range(most)
    )


def _figures(request: _Request) -> tuple[Figure, ...]:
    """What was printed of one request."""
    printed = (
        (Metric.TTFT, request.prompt_ms, "prompt eval time"),
        (Metric.TPOT, request.each_ms, "eval time, ms per token"),
    )
    return tuple(
        figure(metric, "mean", value, key, "ms")
        for metric, value, key in printed
        if not math.isnan(value)
    )


def _add(rows: Rows, request: _Request, tokens: int) -> None:
    latency = (request.prompt_ms + request.ms) / 1e3
    whole = request.whole_prompt
    rows.add(
        tokens={Counting.SERVER: tokens},
        prompt=request.prompt_n if whole == UNKNOWN else whole,
        cached=UNKNOWN if whole < request.prompt_n else whole - request.prompt_n,
        ttft=request.prompt_ms / 1e3,
        latency=latency,
        start=request.end_s - latency,
    )


READERS = (TextReader("llama.cpp's printed timings", _recognises, _read),)
