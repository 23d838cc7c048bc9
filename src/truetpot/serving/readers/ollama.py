"""Ollama: answers of /api/generate and /api/chat, whole or streamed, and ``ollama run --verbose``.

ollama/ollama ``api/types.go`` (``Metrics`` and its ``Summary``) and
``runner/ollamarunner/runner.go`` at 010fd33cc. Durations are in ns; only the last message of a
stream has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from truetpot.serving.readers.detect import JsonReader, TextReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.figures import figure
from truetpot.serving.readers.rows import NAN, Record, Rows, objects
from truetpot.serving.readers.source import Source
from truetpot.serving.records import UNKNOWN, Counting, Figure, Metric, Run, Setting, Totals
from truetpot.serving.tools import definitions

_TOOL = "ollama"
_LINE = re.compile(
    r".*?\b(?P<key>total duration|load duration|(?:prompt )?eval (?:count|duration|rate)):\s+"
    r"(?P<value>\S+)(?P<unit> token\(s\)| tokens/s)?\s*"
)
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(h|ms|m|s|ns|\D{1,2}s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "ns": 1e-9}
_MICRO = 1e-6  # the sign of it is whatever the console made of it
_COUNT = re.compile(r"\d{1,18}")
_COMMAND = re.compile(r"\bollama run((?: +\S+)+)")
_LONGEST_LINE = 400
_SIGNS = (b"eval rate:", b"eval duration:", b"eval count:")


@dataclass
class _Answer:
    """Seconds and counts; NaN and -1 for what was not said."""

    model: str | None = None
    total: float = NAN
    load: float = NAN
    prompt: float = NAN
    prompt_n: int = UNKNOWN
    generated: float = NAN
    n: int = UNKNOWN
    rate: float = NAN
    text: str | None = None
    finish: str | None = None


def _recognises(first: Node) -> bool:
    some = next(islice(first.elements(), 1), None) if first.kind == "list" else first
    keys = some.members.keys() if some is not None else set()
    return {"model", "created_at", "done"} <= keys and not keys.isdisjoint({"response", "message"})


def _read(document: Document) -> list[Run]:
    answers = []
    messages = 0
    for node in objects(document):
        record = Record(node)
        if record.count("eval_count") == UNKNOWN:
            messages += 1
            continue
        ns = {
            name: record.number(key) / 1e9
            for name, key in (
                ("total", "total_duration"),
                ("load", "load_duration"),
                ("prompt", "prompt_eval_duration"),
                ("generated", "eval_duration"),
            )
        }
        answers.append(
            _Answer(
                model=record.text("model"),
                prompt_n=record.count("prompt_eval_count"),
                n=record.count("eval_count"),
                # of a stream, the last message holds the rest of the text only
                text=None if messages else record.text("response"),
                finish=record.text("done_reason"),
                **ns,
            )
        )
    if not answers:
        raise document.source.error(
            'has no message with "eval_count": keep the last one, which has "done": true'
        )
    return _runs(answers, "api", messages)


def _printed(source: Source) -> list[Run]:
    answers = [answer for answer in _blocks(source) if answer.n > 0 and answer.generated > 0]
    if not answers:
        raise source.error("has no eval count above zero: let ollama run --verbose end an answer")
    return _runs(answers, "--verbose", 0)


def _blocks(source: Source) -> Iterator[_Answer]:
    """What is printed below each answer; it begins with the total duration."""
    answer: _Answer | None = None
    model = None
    for _, text, ended in source.lines_and_ends():
        if match := _COMMAND.search(text[:_LONGEST_LINE]):
            words = [word for word in match[1].split() if not word.startswith("-")]
            model = words[0] if words else model
        if not (match := _LINE.fullmatch(text[:_LONGEST_LINE])):
            continue
        key, value, unit = match["key"], match["value"], match["unit"]
        if not unit and not (key.endswith("duration") and ended):
            continue  # Cut off, or a text that speaks of it.
        if answer is None or key == "total duration":
            if answer is not None:
                yield answer
            answer = _Answer(model)
        if key.endswith("count"):
            count = int(value) if _COUNT.fullmatch(value) else UNKNOWN
            setattr(answer, "prompt_n" if key.startswith("prompt") else "n", count)
        elif key == "eval rate":
            answer.rate = _number(value)
        elif name := _DURATIONS.get(key):
            setattr(answer, name, _duration(value))
    if answer is not None:
        yield answer


_DURATIONS = {
    "total duration": "total",
    "load duration": "load",
    "prompt eval duration": "prompt",
    "eval duration": "generated",
}


def _duration(text: str) -> float:
    """As Go prints it: ``1m3.5s``, ``235.1ms``. NaN for anything else."""
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        return NAN
    return sum(float(number) * _SECONDS.get(unit, _MICRO) for number, unit in parts)


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"\d{1,9}(?:\.\d+)?", text) else NAN


def _runs(answers: list[_Answer], variant: str, messages: int) -> list[Run]:
    """One run a model."""
    models = list(dict.fromkeys(answer.model for answer in answers))
    return [
        _run([a for a in answers if a.model == model], variant, messages, len(models) > 1)
        for model in models
    ]


def _run(answers: list[_Answer], variant: str, messages: int, several: bool) -> Run:
    """The latency is the prompt's time and the generation's: total_duration has the loading too."""
    rows = Rows()
    for answer in answers:
        rows.add(
            tokens={Counting.SERVER: answer.n},
            prompt=answer.prompt_n,
            ttft=answer.prompt,
            latency=answer.prompt + answer.generated,
            text=answer.text,
            finish=answer.finish,
        )
    notes = ["The times are the server's own: queue and network are not in them."]
    if (loads := sum(answer.load for answer in answers if answer.load > 0)) >= 1:
        notes.append(f"The model was loaded for {loads:,.2f} s, which is in total_duration only.")
    if messages:
        notes.append(f"{messages:,} messages of streams are left out: they have no durations.")
    return Run(
        tool=_TOOL,
        variant=variant,
        place=(answers[0].model or "") if several else "",
        definitions=definitions(_TOOL),
        figures=_figures(answers[0]) if len(answers) == 1 else (),
        totals=Totals(attempted=len(rows), completed=len(rows)),
        setting=Setting(model=answers[0].model),
        requests=rows.requests(Counting.SERVER),
        notes=tuple(notes),
    )


def _figures(answer: _Answer) -> tuple[Figure, ...]:
    said = (
        (Metric.TTFT, answer.prompt, "prompt_eval_duration"),
        (Metric.E2E, answer.total, "total_duration"),
        (Metric.TPOT, 1 / answer.rate if answer.rate > 0 else NAN, "1/eval rate"),
    )
    # a value that is no number was not said: Go leaves out durations of 0
    return tuple(figure(m, "mean", value, key, "s") for m, value, key in said if value >= 0)


READERS = (
    JsonReader("Ollama /api/generate and /api/chat", _recognises, _read),
    TextReader(
        "what ollama run --verbose prints", lambda source: all(map(source.has, _SIGNS)), _printed
    ),
)
