"""What an option says of a measured step, held against the record that says it itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from truetpot.errors import UserError
from truetpot.facts.hardware import load_hardware, recognise
from truetpot.facts.models import load_model
from truetpot.files import shortened_path
from truetpot.records.decode import DecodeRecord


def check_agrees(record: DecodeRecord, path: Path, given: Mapping[str, str | int | None]) -> None:
    """Raise UserError for the first option that says another value than the record.

    ``given`` by parameter: ``model``, ``device``, ``tp``, ``format``, ``kv_format``, ``context``
    and ``batch``, None for what was not given.
    """
    for name, value in given.items():
        if value is None:
            continue
        ours, theirs = _values(record, name, value)
        if ours != theirs:
            option = f"--{name.replace('_', '-')}"
            raise UserError(
                f"{option} is {theirs}, and the record {shortened_path(path)} was measured with "
                f"{ours}; leave out {option}, or give a record of {theirs}."
            )


def _values(record: DecodeRecord, name: str, value: str | int) -> tuple[object, object]:
    """The record's value and the option's, in the same words."""
    if name == "model":
        return load_model(record.model).name, load_model(str(value)).name
    if name == "device":
        identity = record.environment.device
        card = recognise(identity["name"], identity.get("memory_bytes"))
        return identity["name"] if card is None else card.key, load_hardware(str(value)).key
    return getattr(record, name), value
