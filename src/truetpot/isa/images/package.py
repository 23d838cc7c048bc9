"""What a user names: a wheel, a library or an image; its licence; the members that may be read."""

from __future__ import annotations

import fnmatch
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import Parser
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from truetpot.errors import UserError
from truetpot.files import open_regular
from truetpot.text import escaped

WHAT = "a wheel, a library or a device image"
MOST_BYTES = 2 << 30
NOT_FOUND = "not found beside the file"
_LIBRARIES = (".so", ".pyd", ".dll", ".bin", ".spv", ".o")
_CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True)
class Rules:
    """``packages.toml``: which packages are open, and which wheels have device images."""

    open: tuple[str, ...]
    wheels: Mapping[str, Mapping[str, str | bool]]
    closed: Mapping[str, str]


@dataclass
class Package:
    """A file with its licence. `refused` says of members why they are not read."""

    name: str
    licence: str
    refused: dict[str, str] = field(default_factory=dict)


@cache
def rules() -> Rules:
    """The rules for packages, as ``packages.toml`` has them."""
    text = resources.files("truetpot.isa.images").joinpath("packages.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Rules)


def open_package(path: Path) -> tuple[Package, Iterator[tuple[str, bytes]]]:
    """The package and its libraries by name, one at a time.

    Raises UserError for a wheel without an open licence, for a closed vendor's library, and for
    what is neither a wheel nor a library.
    """
    shown = escaped(path.name)
    with open_regular(path, WHAT) as file:
        first = file.read(4)
    if first == b"PK\x03\x04":
        return _wheel(path, shown)
    if (whose := closed(path.name)) is not None:
        raise UserError(f"{shown} is of {whose} and is not disassembled; give an open library.")
    return Package(shown, NOT_FOUND), iter([(shown, _content(path, shown))])


def closed(name: str) -> str | None:
    """Whose closed library a file of this name is; None for any other."""
    base = name.rpartition("/")[2]
    table = rules().closed
    return next((whose for one, whose in table.items() if fnmatch.fnmatch(base, one)), None)


def _content(path: Path, shown: str) -> bytes:
    with open_regular(path, WHAT) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UserError(f"{shown} is larger than {MOST_BYTES >> 30} GiB; give {WHAT}.")
    return content


def _wheel(path: Path, shown: str) -> tuple[Package, Iterator[tuple[str, bytes]]]:
    try:
        archive = zipfile.ZipFile(path)
        metadata = next((n for n in archive.namelist() if n.endswith(".dist-info/METADATA")), None)
        text = "" if metadata is None else archive.read(metadata).decode(errors="replace")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{shown} is no wheel ({escaped(str(error))}); give {WHAT}.") from None
    licence = _licence(text)
    if not any(one.lower() in map(str.lower, rules().open) for one in licence.split(" AND ")):
        said = f"says {escaped(licence)!r}" if licence else "says none"
        raise UserError(
            f"{shown} has no open licence (its METADATA {said}) and is not disassembled; give a "
            "package of open source."
        )
    package = Package(shown, licence)
    return package, _libraries(archive, package)


def _libraries(archive: zipfile.ZipFile, package: Package) -> Iterator[tuple[str, bytes]]:
    with archive:
        for one in archive.infolist():
            name = one.filename.rpartition("/")[2]
            if not (name.endswith(_LIBRARIES) or ".so." in name):
                continue
            if (whose := closed(name)) is not None:
                package.refused[escaped(name)] = f"of {whose}: not disassembled"
            elif one.file_size > MOST_BYTES:
                package.refused[escaped(name)] = f"larger than {MOST_BYTES >> 30} GiB"
            else:
                try:
                    yield escaped(name), archive.read(one)
                except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
                    package.refused[escaped(name)] = f"cannot be read ({escaped(str(error))})"


def _licence(metadata: str) -> str:
    """By PEP 639's expression, else the field, else the classifier; empty without any."""
    said = Parser().parsestr(metadata, headersonly=True)
    for name in ("License-Expression", "License"):
        if (value := said.get(name)) and len(value) < 100:
            return str(value).strip()
    found = [one for one in said.get_all("Classifier", []) if one.startswith(_CLASSIFIER)]
    return str(found[0]).removeprefix(_CLASSIFIER).strip() if found else ""
