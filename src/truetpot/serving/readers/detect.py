"""Which tool wrote a file: asked of every reader, by content."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from truetpot.errors import UserError
from truetpot.serving.readers.document import Document, Node, with_article
from truetpot.serving.readers.noise import is_noise
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Run
from truetpot.serving.tools import tools


@dataclass(frozen=True)
class JsonReader:
    """Of a file that is JSON, or JSON lines. A module lists its readers in ``READERS``."""

    name: str
    """For people: ``vLLM --save-result``."""
    recognises: Callable[[Node], bool]
    """By the file's first value."""
    read: Callable[[Document], list[Run]]


@dataclass(frozen=True)
class TextReader:
    """A reader of text that is no JSON: tables, logs, CSV."""

    name: str
    recognises: Callable[[Source], bool]
    read: Callable[[Source], list[Run]]


Reader = JsonReader | TextReader


@cache
def readers() -> tuple[Reader, ...]:
    """Those of every module of this package: a new tool is a new file, no list names it.

    Of JSON first: the texts in a JSON file may look like anything.
    """
    package = __package__ or ""
    names = sorted(module.name for module in pkgutil.iter_modules(import_module(package).__path__))
    modules = [import_module(f"{package}.{name}") for name in names]
    found = [reader for module in modules for reader in getattr(module, "READERS", ())]
    return tuple(sorted(found, key=lambda reader: isinstance(reader, TextReader)))


def claims(source: Source) -> list[Reader]:
    """Every reader that recognises the file: one, unless two tools look alike."""
    if found := list(_claims(source, _open(source)[0])):
        return found
    clean = source.without_noise()
    return [] if clean is None else list(_json_claims(_open(clean)[0]))


def read_source(source: Source) -> list[Run]:
    """The runs of a file. Raises UserError if no reader knows it.

    What cannot be read as it is, is tried as JSON without the lines that are none.
    """
    try:
        return _read_as_it_is(source)
    except UserError as error:
        clean = source.without_noise()
        document = None if clean is None else _open(clean)[0]
        reader = next(_json_claims(document), None)
        if reader is None or document is None:
            raise error from None
    return reader.read(document)


def _read_as_it_is(source: Source) -> list[Run]:
    document, broken = _open(source)
    for reader in _claims(source, document):
        if isinstance(reader, TextReader):
            return reader.read(source)
        if document is not None:
            return reader.read(document)
    raise broken or _unknown(source, document)


def _claims(source: Source, document: Document | None) -> Iterator[Reader]:
    yield from _json_claims(document)
    for reader in readers():
        if isinstance(reader, TextReader) and reader.recognises(source):
            yield reader


def _json_claims(document: Document | None) -> Iterator[JsonReader]:
    for reader in readers() if document is not None else ():
        if isinstance(reader, JsonReader) and document and reader.recognises(document.first):
            yield reader


def _open(source: Source) -> tuple[Document | None, UserError | None]:
    """As JSON, if it is JSON. The error may be that of a log that begins with a bracket."""
    head = source.head().lstrip()
    if not head.startswith(("{", "[")) or is_noise(head.partition("\n")[0].encode()):
        return None, None
    try:
        document = Document(source)
        if document.first.kind == "list":
            next(document.first.elements(), None)
        return document, None
    except UserError as error:
        return None, error


def _unknown(source: Source, document: Document | None) -> UserError:
    if document is None:
        first = next((line.strip() for _, line in source.lines() if line.strip()), "only blanks")
        found = f"its first line is {first[:60]!a}"
    elif {"kind", "schema_version"} <= document.first.members.keys():
        return source.error(
            "is a record of truetpot itself; give the file that the serving benchmark wrote"
        )
    elif keys := list(document.first.members)[:8]:
        found = f"it is JSON with the keys {', '.join(ascii(key[:40]) for key in keys)}"
    else:
        found = f"it is JSON, {with_article(document.first.kind)}"
    return source.error(
        f"is no result file of a tool that is known: {found}. Known are {', '.join(tools())}; "
        "docs/check.md has their forms"
    )
