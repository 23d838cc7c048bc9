"""The docs page of all records, made from their types."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_type_hints

from msgspec import NODEFAULT, inspect

from truetpot.records.check import CheckRecord
from truetpot.records.collectives import CollectivesRecord
from truetpot.records.contact import ContactRecord, ProbeRecord
from truetpot.records.decode import DecodeRecord
from truetpot.records.dispatch import DispatchRecord
from truetpot.records.doctor import DoctorRecord
from truetpot.records.drive import DriveRecord
from truetpot.records.fleet import FleetRecord
from truetpot.records.floor import FloorRecord, FloorsRecord
from truetpot.records.images import ImagesRecord
from truetpot.records.isa import IsaRecord
from truetpot.records.kernels import KernelsRecord
from truetpot.records.launch import LaunchRecord
from truetpot.records.library import LibraryRecord
from truetpot.records.logits import LogitsRecord
from truetpot.records.opening import Measured, Part
from truetpot.records.predict import PredictRecord
from truetpot.records.prompts import InspectionRecord, PromptsRecord
from truetpot.records.providers import ProvidersRecord
from truetpot.records.published import PublishedRecord
from truetpot.records.sweep import SweepRecord
from truetpot.records.told import about, fields_told, members_told
from truetpot.records.trace import TraceRecord
from truetpot.records.tune import TuneRecord
from truetpot.records.tuned import ProgressLine, TunedEntry
from truetpot.records.validate import BaselineRecord, ValidateRecord

RECORDS: dict[str, type[Part]] = {
    "decode": DecodeRecord,
    "sweep": SweepRecord,
    "logits": LogitsRecord,
    "kernels": KernelsRecord,
    "collectives": CollectivesRecord,
    "launch": LaunchRecord,
    "tune": TuneRecord,
    "check": CheckRecord,
    "prompts": PromptsRecord,
    "inspection": InspectionRecord,
    "providers": ProvidersRecord,
    "doctor": DoctorRecord,
    "contact": ContactRecord,
    "probe": ProbeRecord,
    "isa": IsaRecord,
    "images": ImagesRecord,
    "dispatch": DispatchRecord,
    "floor": FloorRecord,
    "floors": FloorsRecord,
    "library": LibraryRecord,
    "predict": PredictRecord,
    "published": PublishedRecord,
    "trace": TraceRecord,
    "drive": DriveRecord,
    "validate": ValidateRecord,
    "baseline": BaselineRecord,
    "fleet": FleetRecord,
}
"""By ``kind``, as a record itself has it."""
FILES: dict[str, type[Part]] = {
    "tuned parameters": TunedEntry,
    "progress of a search": ProgressLine,
}
"""What is kept and read back, and is no record of a command."""

HEAD = """# Records

This page is made from the types in `src/truetpot/records`:
`python -m truetpot.records > docs/records.md`.

`--json FILE` writes a record, `--json` or `--json -` prints it to standard output and nothing else.
`schema_version` changes when a field changes its meaning or goes; fields may be added.

Times are seconds where the name ends in `_s`, ms where it ends in `_ms` or says `ms_per_token`;
sizes are bytes; `gb_s` is 1e9 bytes a second. A number that does not exist is null, never NaN. A
command that reads a record refuses one whose fields are not as they stand here, and passes over
fields that it does not know.
"""
WORDS = "\n## Words\n\nValues of fields that have one of a few words.\n"
Kind = inspect.StructType | inspect.TypedDictType


class _Page:
    """What was written so far: each part and each enum has its table once."""

    def __init__(self) -> None:
        self.lines: list[str] = [HEAD]
        self.title = ""
        self.parts: dict[type, str] = {}
        self.written: set[type] = set()
        self.enums: dict[str, type[Enum]] = {}

    def record(self, title: str, kind: type[Part]) -> None:
        """A section; the parts that it needs below it, as far as they have not been told."""
        self.title = title
        self.lines.append(f"## {title}\n\n{about(kind)}\n")
        told = issubclass(kind, Measured) and kind is not Measured
        self._table(inspect.type_info(kind), kind, Measured.__struct_fields__ if told else ())

    def words(self) -> str:
        """Every enum that was named, and the whole page."""
        self.lines.append(WORDS.lstrip("\n"))
        for name, enum in sorted(self.enums.items()):
            told = members_told(enum)
            self.lines.append(f"### {name}\n\n{about(enum)}\n\n| value | |\n|---|---|")
            self.lines += [f"| {_value(one.value)} | {told.get(one.name, '')} |" for one in enum]
            self.lines.append("")
        return "\n".join(self.lines).rstrip("\n") + "\n"

    def _table(self, kind: inspect.Type, cls: type, without: tuple[str, ...] = ()) -> None:
        assert isinstance(kind, Kind)
        told, struct = fields_told(cls), isinstance(kind, inspect.StructType)
        new: list[Kind] = []
        self.lines.append("| field | is | |\n|---|---|---|")
        order = list(get_type_hints(cls))  # of a typed dict msgspec sorts the fields
        for field in sorted(kind.fields, key=lambda one: order.index(one.name)):
            if field.name in without:
                continue
            words = self._words(field.type, new)
            if struct and _may_be_left_out(field):
                words += " or left out"
            text = told.get(field.name) or _description(field.type)
            self.lines.append(f"| `{field.name}` | {words} | {text} |")
        self.lines.append("")
        for part in new:
            if part.cls not in self.written:
                self.written.add(part.cls)
                self.lines.append(f"### {self.parts[part.cls]}\n\n{about(part.cls)}\n")
                self._table(part, part.cls)

    def _words(self, kind: inspect.Type, new: list[Kind]) -> str:
        """What a field is, in words; the parts in it are added to ``new``."""
        match kind:
            case inspect.Metadata():
                return self._words(kind.type, new)
            case inspect.UnionType():
                return " or ".join(dict.fromkeys(self._words(one, new) for one in kind.types))
            case inspect.ListType() | inspect.VarTupleType():
                return f"list of {self._words(kind.item_type, new)}"
            case inspect.TupleType():
                return f"two of {self._words(kind.item_types[0], new)}"
            case inspect.DictType():
                key, value = (self._words(one, new) for one in (kind.key_type, kind.value_type))
                return f"{value}, by {'name' if key == 'text' else key}"
            case inspect.StructType() | inspect.TypedDictType():
                new.append(kind)
                return _link(self._named(kind.cls))
            case inspect.EnumType():
                self.enums[kind.cls.__name__] = kind.cls
                return _link(kind.cls.__name__)
            case inspect.LiteralType():
                return ", ".join(map(_value, kind.values))
        return _PLAIN[type(kind)]

    def _named(self, part: type) -> str:
        """The heading of a part; two of one name are told apart by the record of the second."""
        name = part.__name__
        taken = name in (title for one, title in self.parts.items() if one is not part)
        return self.parts.setdefault(part, f"{name} of {self.title}" if taken else name)


_PLAIN: dict[type, str] = {
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.AnyType: "anything",
}


def records_page() -> str:
    """Every record, then the files that are kept, then the words, as markdown."""
    page = _Page()
    page.record("Every measured record", Measured)
    for title, kind in {**RECORDS, **FILES}.items():
        page.record(title, kind)
    return page.words()


def _may_be_left_out(field: inspect.Field) -> bool:
    """Whether its default is ``UNSET``, which msgspec does not show."""
    return not field.required and NODEFAULT is field.default is field.default_factory


def _link(name: str) -> str:
    return f"[{name}](#{name.lower().replace(' ', '-')})"


def _value(value: Any) -> str:
    return f"`{value}`" if value != "" else "empty"


def _description(kind: inspect.Type) -> str:
    """Of ``msgspec.Meta``, where the type has one."""
    return next(iter(_descriptions(kind)), "")


def _descriptions(kind: inspect.Type) -> Iterator[str]:
    if isinstance(kind, inspect.Metadata):
        text = (kind.extra_json_schema or {}).get("description", "")
        if text:
            yield text[:1].upper() + text[1:] + "."
        yield from _descriptions(kind.type)
