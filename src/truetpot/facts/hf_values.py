"""Values of a Hugging Face config by their types and ranges, or a sentence on one that is not."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from truetpot.errors import UserError
from truetpot.text import brief

_T = TypeVar("_T", bound=msgspec.Struct)
_AT = re.compile(r"(.*) - at `\$\.(\w+).*`")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


def typed(table: dict[str, Any], cls: type[_T], where: str, before: str = "") -> _T:
    """The table as a `cls`; UserError names file, field (with a word before it) and value."""
    known = {name: table[name] for name in cls.__struct_fields__ if name in table}
    try:
        return msgspec.convert(known, cls)
    except UnicodeError:  # JSON can name half a character, in a key too
        raise UserError(f"{where} has half a character in it; download it again.") from None
    except msgspec.ValidationError as error:
        found = _AT.fullmatch(str(error))
        if found is None:
            raise UserError(f"{where} is not supported: {error}.") from None
        said, field = found.groups()
        said = said.partition(",")[0].replace("Expected", "it must be").replace(" | ", " or ")
        said = said.replace("Number out of range", "it is out of range")
        said = re.sub(r"`(.*?)`", lambda part: _in_words(part[1]), said)
        raise refusal(where, before + field, table.get(field), said) from None


def _in_words(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" or "))


def refusal(where: str, field: str, value: Any, supported: str) -> UserError:
    """Of a field of the config `where`: what it is, and what is supported instead."""
    return UserError(f"{where}: {field} = {brief(value)} is not supported; {supported}.")
