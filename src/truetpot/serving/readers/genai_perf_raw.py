"""The raw export of GenAI-Perf's load generator, ``profile_export.json``: timestamps and texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from truetpot.serving.readers import settings
from truetpot.serving.readers.detect import JsonReader
from truetpot.serving.readers.document import Document, Node
from truetpot.serving.readers.rows import NAN, Record, Rows
from truetpot.serving.records import UNKNOWN, Counting, Floats, Ints, Run, Setting
from truetpot.serving.tools import definitions

_TOOL = "genai-perf"


class _Content(msgspec.Struct, gc=False):
    content: str | None = None


class _Choice(msgspec.Struct, gc=False):
    text: str | None = None
    delta: _Content | None = None
    message: _Content | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct, gc=False):
    completion_tokens: int | None = None


class _Event(msgspec.Struct, gc=False):
    """What is wanted of an OpenAI response, or of Triton's generate endpoint."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    text_output: str | None = None


class _Payload(msgspec.Struct, gc=False):
    model: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    min_tokens: int | None = None
    ignore_eos: bool | None = None


_Body = str | _Event
_events = msgspec.json.Decoder(_Event)
_payloads = msgspec.json.Decoder(_Payload)
_NOT_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)


@dataclass
class _Answer:
    """The responses of one request."""

    has_text: list[bool]
    text: str | None = None
    finish: str | None = None
    server_tokens: int = UNKNOWN
    first_tokens: int = UNKNOWN
    first_share: float = NAN
    """Of the text's characters, those that came first."""

    @property
    def silent(self) -> int:
        """Responses without text between the first and the last with text."""
        if not any(self.has_text):
            return UNKNOWN
        first, last = self.has_text.index(True), self.has_text[::-1].index(True)
        return self.has_text[first : len(self.has_text) - last].count(False)


def _recognises(first: Node) -> bool:
    experiments = first.members.get("experiments")
    return (
        experiments is not None
        and experiments.kind == "list"
        and bool({"version", "service_kind", "endpoint"} & first.members.keys())
    )


def _read(document: Document) -> list[Run]:
    """One run an experiment. The latency ends with the last response that has text, as the tool's
    does; of a request without any, with its last response.
    """
    runs = [_experiment(node) for node in document.first.elements("experiments")]
    if not runs:
        raise document.first.error("has no experiment in it")
    return runs


def _experiment(node: Node) -> Run:
    rows = Rows()
    textless = responses = 0
    asked = set()
    began: int | None = None
    for request in node.elements("requests"):
        record = Record(request)
        sent = record.count("timestamp")
        stamps = record.counts("response_timestamps")
        stamps = np.empty(0, np.int64) if stamps is None else stamps
        answer = _answer(record, len(stamps))
        kept = stamps[np.array(answer.has_text, np.bool_)]
        responses += len(stamps)
        textless += len(stamps) - len(kept)
        payload = _payload(record)
        tokens = _whole(payload.max_completion_tokens or payload.max_tokens)
        # a limit is no length asked for, unless nothing may end before it
        length = tokens if payload.ignore_eos else _whole(payload.min_tokens)
        asked.add((payload.model, length, payload.ignore_eos))
        began = sent if began is None and sent >= 0 else began
        rows.add(
            tokens={
                Counting.CHUNKS: len(kept),
                Counting.SERVER: answer.server_tokens,
                Counting.REQUESTED: tokens,
            },
            start=_seconds(began, sent),
            ttft=_seconds(sent, *kept[:1].tolist()),
            latency=_seconds(sent, *(kept if len(kept) else stamps)[-1:].tolist()),
            gaps=_gaps(kept),
            first_tokens=answer.first_tokens,
            first_share=answer.first_share,
            silent=answer.silent,
            text=answer.text,
            finish=answer.finish,
            ok=len(stamps) > 0,
            error="" if len(stamps) else "no response",
        )
    notes = ["The tool divides by the tokens of the text, tokenised again: this file has no count."]
    if textless:
        notes.append(f"{textless:,} of {responses:,} responses have no text and are left out.")
    return Run(
        tool=_TOOL,
        variant="raw export",
        place=node.where,
        definitions=definitions(_TOOL),
        figures=(),
        totals=rows.totals(),
        setting=_setting(node, asked),
        requests=rows.requests(Counting.SERVER, Counting.CHUNKS),
        notes=tuple(notes),
    )


def _setting(node: Node, asked: set[tuple[str | None, int, bool | None]]) -> Setting:
    mode = settings.text(node, "experiment.mode")
    model, tokens, ignore_eos = asked.pop() if len(asked) == 1 else (None, UNKNOWN, None)
    return Setting(
        model=model,
        request_rate=settings.number(node, "experiment.value") if mode == "request_rate" else None,
        max_concurrency=settings.count(node, "experiment.value") if mode == "concurrency" else None,
        output_tokens=None if tokens == UNKNOWN else tokens,
        ignore_eos=ignore_eos,
    )


def _seconds(begin: int | None, end: int = UNKNOWN) -> float:
    return NAN if begin is None or begin < 0 or end < 0 else (end - begin) / 1e9


def _gaps(stamps: Ints) -> Floats:
    gaps = np.diff(stamps) / 1e9
    gaps[(stamps[1:] < 0) | (stamps[:-1] < 0)] = NAN
    return gaps


def _whole(count: int | None) -> int:
    return count if count is not None and 0 <= count < 1 << 62 else UNKNOWN


def _payload(record: Record) -> _Payload:
    """What the request asked for; nothing, if its input is of another kind."""
    inputs = record.value.get("request_inputs")
    text = inputs.get("payload") if type(inputs) is dict else None
    try:
        return _payloads.decode(text) if type(text) is str else _Payload()
    except _NOT_JSON:
        return _Payload()


def _answer(record: Record, stamps: int) -> _Answer:
    outputs = record.value.get("response_outputs") or []
    if type(outputs) is not list or not all(type(output) is dict for output in outputs):
        raise record.node.error('has "response_outputs" that are no list of objects')
    if len(outputs) != stamps:
        raise record.node.error(
            f"has {stamps:,} response_timestamps, but {len(outputs):,} response_outputs"
        )
    if any("output_ids" in output for output in outputs):
        return _from_ids(outputs)
    answer = _Answer([])
    texts: list[str] = []
    first = 0
    for body in _bodies(outputs):
        before = len(texts)
        for event in _events_of(body):
            if event.usage:
                answer.server_tokens = max(
                    answer.server_tokens, _whole(event.usage.completion_tokens)
                )
            for choice in (event.choices or ())[:1]:
                content = choice.delta or choice.message
                if text := choice.text or (content.content if content else None):
                    texts.append(text)
                answer.finish = choice.finish_reason or answer.finish
            if event.text_output:
                texts.append(event.text_output)
        answer.has_text.append(len(texts) > before)
        first = first or sum(map(len, texts))
    answer.text = "".join(texts)
    if texts:
        answer.first_share = first / len(answer.text)
    return answer


def _from_ids(outputs: list[dict[str, object]]) -> _Answer:
    """TensorRT-LLM's engine writes token ids, so the count is exact; "" stands for one token."""
    ids = [output.get("output_ids") for output in outputs]
    counts = [len(x) if isinstance(x, list) else 1 for x in ids]
    return _Answer([True] * len(ids), None, None, sum(counts), counts[0])


def _bodies(outputs: list[dict[str, object]]) -> Iterator[_Body]:
    """What came at each time. An event cut in two counts where it began, as the tool has it."""
    pieces: list[list[str]] = []
    owner = 0
    for i, output in enumerate(outputs):
        text = output.get("response")
        piece = text if isinstance(text, str) else ""
        begins = 0
        if i and not piece.startswith(("data:", ":", "event:")):
            begins = piece.find("data:")
            begins = len(piece) if begins < 0 else begins
            pieces[owner].append(piece[:begins])
        pieces.append([piece[begins:]])
        owner = i if begins < len(piece) else owner
    for output, parts in zip(outputs, pieces, strict=True):
        text = output.get("text_output")  # Of Triton's own protocol.
        yield _Event(text_output=text) if isinstance(text, str) else "".join(parts)


def _events_of(body: _Body) -> Iterator[_Event]:
    if isinstance(body, _Event):
        yield body
        return
    for line in body.split("\n") if "data:" in body else [body]:
        data = line.removeprefix("data:").lstrip()
        if data.startswith("{"):  # Else a comment, a blank line, [DONE].
            try:
                yield _events.decode(data)
            except _NOT_JSON:
                continue


READERS = (JsonReader("GenAI-Perf profile_export.json", _recognises, _read),)
