"""What an unfinished search has found: JSON lines, added one by one and read on the next start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import is_there, read_text
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config, Kernel
from truetpot.tune.figures import Figures, Found

Key = dict[str, Any]


def search_key(kernel: type[Kernel], case: Case, device: str, versions: Mapping[str, str]) -> Key:
    """What has to be the same for a figure to be of use again; ``device`` is a model's name."""
    return {
        "op": kernel.op.name,
        "provider": kernel.provider,
        "case": case.label(),
        "device": device,
        "versions": dict(versions),
        "source": _digest(Path(kernel.source)),
    }


@dataclass
class Log:
    """What is known of one search."""

    path: Path
    key: Key
    looks: list[Figures] = field(default_factory=list)
    final: Found | None = None

    def look(self, config: Config) -> Figures | None:
        """What was seen of a configuration."""
        return next((look for look in self.looks if look.config == config), None)

    def add(self, look: Figures) -> None:
        """Keep a look."""
        self.looks.append(look)
        self._write("look", asdict(look))

    def finish(self, final: Found) -> None:
        """Keep the result: this search is done."""
        self.final = final
        self._write("final", final.to_json())

    def _write(self, kind: str, what: dict[str, Any]) -> None:
        """One line, whole or, after a crash, torn: a torn line is skipped when it is read."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": self.key, kind: what}, default=str) + "\n")
        except OSError as error:
            raise UserError(f"Cannot write {self.path}: {error.strerror}.") from error


def read_log(path: Path, key: Key) -> Log:
    """All lines of the search; an empty log where there are none."""
    log = Log(path, key)
    for line in _lines(path):
        entry = _parsed(line)
        if entry.get("key") != key:
            continue
        try:
            if "look" in entry:
                log.looks.append(Figures.from_json(entry["look"]))
            elif "final" in entry:
                log.final = Found.from_json(entry["final"])
        except (TypeError, KeyError, AttributeError):  # not ours, or of another version
            continue
    return log


def forget(path: Path, keys: Iterable[Key]) -> None:
    """Take the lines of searches out, and the file with the last of them."""
    gone = list(keys)
    lines = _lines(path)
    kept = [line for line in lines if _parsed(line).get("key") not in gone]
    if not kept:
        path.unlink(missing_ok=True)
    elif kept != lines:
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _lines(path: Path) -> list[str]:
    if not is_there(path):
        return []
    return read_text(path, "an unfinished search, or delete it").splitlines()


def _parsed(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _digest(source: Path) -> str:
    """Of the kernel's file and its neighbours, where what they share is."""
    whole = hashlib.sha256()
    for path in sorted(source.parent.glob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]
