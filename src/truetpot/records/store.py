"""Records as files: read by their type, written whole."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from truetpot.errors import UserError
from truetpot.files import read_text, write_whole
from truetpot.records.opening import SCHEMA_VERSION
from truetpot.text import escaped

STDOUT = "-"
T = TypeVar("T")


def read_record(path: str | Path, kind: type[T], what: str) -> T:
    """A record of the given type from a file.

    ``what`` is what the file should be, for the sentence: "a record of truetpot decode --json".
    Fields that the type does not have are left out, so an older truetpot reads a newer one's
    records as long as the schema version is the same. Raises UserError for any other file, with
    the path of the first field that is not what it should be.
    """
    text = read_text(path, what)
    shown = escaped(str(path))
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        if (version := _version(text)) is not None and version != SCHEMA_VERSION:
            raise UserError(
                f"{shown} has schema_version {version}, and this truetpot reads {SCHEMA_VERSION}; "
                f"give {what} of this version."
            ) from None
        raise UserError(f"{shown}: {fault(error)}; give {what}.") from None
    except RecursionError:
        raise UserError(f"{shown} is nested too deeply; give {what}.") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise UserError(f"{shown} is not JSON ({_reason(error)}); give {what}.") from None


def write_record(record: msgspec.Struct, path: str | Path, option: str = "--json") -> None:
    """Write a record as JSON; ``-`` is standard output.

    A number that JSON does not have (NaN, an infinity) becomes null. Raises OutputError, which
    names ``option``, where the file cannot be written.
    """
    write_plain(plain(record), path, option)


def write_plain(record: Any, path: str | Path, option: str = "--json") -> None:
    """The same of a record that is dicts, lists, text and finite numbers already."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    if str(path) == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_whole(path, text, option)


def as_text(record: msgspec.Struct) -> str:
    """The JSON of a record, in two-space steps."""
    return json.dumps(plain(record), indent=2, allow_nan=False) + "\n"


def as_line(record: msgspec.Struct) -> str:
    """The JSON of a record in one line, without its end."""
    return json.dumps(plain(record), allow_nan=False)


def plain(record: msgspec.Struct) -> Any:
    """A record as dicts, lists, text and finite numbers.

    A parameter of somebody's kernel may be of any type: a NumPy number becomes a number, what is
    no number text.
    """
    return _finite(msgspec.to_builtins(record, str_keys=True, enc_hook=_known))


def fault(error: msgspec.ValidationError) -> str:
    """What a value is and what it should be, with its path in the file: ``rungs.step``."""
    said, _, path = str(error).partition(" - at ")
    path = re.sub(r"^`(?:key in )?\$\.?|`$", "", path)
    said = said.replace("`", "")
    said = said[:1].lower() + said[1:]
    return f"{path} is not as it should be ({said})" if path else said


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _known(value: Any) -> Any:
    one = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    # of a class that derives from these too: what is returned is looked at again
    kind = next((kind for kind in (bool, int, float) if isinstance(one, kind)), None)
    return str.__str__(str(value)) if kind is None else kind(one)


def _version(text: str) -> Any:
    """What a record says of its schema, whatever it is."""
    try:
        return msgspec.json.decode(text, type=_Versioned).schema_version
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


class _Versioned(msgspec.Struct):
    schema_version: int | None = None


def _reason(error: Exception) -> str:
    said = str(error).removeprefix("JSON is malformed: ")
    return said[:1].lower() + said[1:]
