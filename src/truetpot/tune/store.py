"""The file of a device's tuned launch parameters: read, one entry put in, written back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import locked, write_whole
from truetpot.ops.tuned import read
from truetpot.records.store import plain
from truetpot.records.tune import EntryInStep, Found, StepDecision
from truetpot.records.tuned import SearchKey, TunedEntry
from truetpot.tune.figures import Tuned

HEAD = "# Launch parameters that `truetpot tune` found; docs/tuning.md says what the fields are.\n"


def entry(
    found: Found,
    key: SearchKey,
    device: Mapping[str, str],
    in_step: EntryInStep | None = None,
    by_step: bool = False,
) -> TunedEntry:
    """What is kept of a search; an empty ``config`` where the default stays.

    ``by_step`` says that the step decides, ``in_step`` what it said of this one.
    """
    best, decision = found.best, found.decision
    improved = found.improved
    alone = None
    if by_step and improved and not (in_step is not None and in_step.kept):
        alone, best, improved = best.gain, found.default, False
    decided = decision is not None and improved
    return TunedEntry(
        config=best.config if improved else {},
        gain=best.gain,
        gain_ci=best.gain_ci,
        share_of_ceiling=best.share_of_ceiling,
        default_s=found.default.median_s,
        tuned_s=best.median_s,
        when=found.when,
        versions=key.versions,
        device=dict(device),
        source=key.source,
        confidence=decision.confidence if decision is not None and decided else None,
        alone=alone,
        step_gain=None if in_step is None else in_step.gain,
        step_gain_ci=None if in_step is None else in_step.gain_ci,
    )


def keep(
    file: Path,
    result: Tuned,
    key: SearchKey,
    device: Mapping[str, str],
    step: StepDecision | None = None,
    by_step: bool = False,
) -> bool:
    """Put a search's result into the file; False where it has none."""
    if result.found is None:
        return False
    label = result.case.label()
    mine = (result.op, result.provider, label)
    rows = () if step is None else step.entries
    row = next((one for one in rows if (one.op, one.provider, one.case) == mine), None)
    put(file, result.op, result.provider, label, entry(result.found, key, device, row, by_step))
    return True


def load(path: Path) -> dict[str, Any]:
    """The entries by operator, provider and case. Raises UserError for any other file."""
    tables = read(path)
    levels = [tables]
    for _ in ("operator", "provider", "case"):
        levels = [inner for level in levels for inner in level.values()]
        if not all(isinstance(inner, dict) for inner in levels):
            raise UserError(
                f"{path} has something else in it than tables [op.provider.case]; choose another "
                "--out."
            )
    return tables


def put(path: Path, op: str, provider: str, label: str, what: TunedEntry) -> None:
    """Add an entry, or replace the one of the same case. The old file stays until the new is whole.

    Of several processes that do so, none takes another's entry away. Raises UserError where the
    file is not one of these, or cannot be written.
    """
    with locked(path, "--out"):
        tables = load(path)
        tables.setdefault(op, {}).setdefault(provider, {})[label] = plain(what)
        write_whole(path, dump(tables), "--out")


def dump(tables: Mapping[str, Any]) -> str:
    """TOML: a table ``[op.provider."case"]`` an entry, one line a field, sorted."""
    parts = [HEAD]
    for op, providers in sorted(tables.items()):
        for provider, cases in sorted(providers.items()):
            for label, fields in sorted(cases.items()):
                parts.append(f"\n[{_key(op)}.{_key(provider)}.{_string(label)}]\n")
                parts += [f"{_key(name)} = {_value(value)}\n" for name, value in fields.items()]
    return "".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    return repr(value) if isinstance(value, int | float) else _string(str(value))


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _string(name)


def _string(text: str) -> str:
    """JSON's strings are TOML's, but for the one control character that JSON leaves alone."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
