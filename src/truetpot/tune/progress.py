"""What an unfinished search has found: JSON lines, added one by one and read on the next start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from truetpot.files import append_line, is_there, locked, read_text, write_whole
from truetpot.ops.digest import digest
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config, Kernel
from truetpot.records.store import as_line
from truetpot.records.tune import Figures, Found
from truetpot.records.tuned import ProgressLine, SearchKey


def progress_file(tuned: Path) -> Path:
    """Where the unfinished searches for a file of tuned parameters are kept: beside it."""
    return tuned.with_suffix(".progress.jsonl")


def search_key(
    kernel: type[Kernel], case: Case, device: str, versions: Mapping[str, str]
) -> SearchKey:
    """What has to be the same for a figure to be of use again; ``device`` is a model's name."""
    return SearchKey(
        op=kernel.op.name,
        provider=kernel.provider,
        case=case.label(),
        device=device,
        versions=dict(versions),
        source=digest(kernel),
    )


@dataclass
class Log:
    """What is known of one search."""

    path: Path
    key: SearchKey
    looks: list[Figures] = field(default_factory=list)
    final: Found | None = None

    def look(self, config: Config) -> Figures | None:
        """What was seen of a configuration."""
        return next((look for look in self.looks if look.config == config), None)

    def add(self, look: Figures) -> None:
        """Keep what a look at one configuration showed."""
        self.looks.append(look)
        self._write(ProgressLine(key=self.key, look=look))

    def finish(self, final: Found) -> None:
        """Keep the result: this search is done."""
        self.final = final
        self._write(ProgressLine(key=self.key, final=final))

    def _write(self, line: ProgressLine) -> None:
        """One line, whole or, after a crash, torn: a torn line is skipped when it is read."""
        with locked(self.path, "--out"):
            append_line(self.path, as_line(line), "--out")


def read_log(path: Path, key: SearchKey) -> Log:
    """All lines of the search; an empty log where there are none."""
    log = Log(path, key)
    for line in _lines(path):
        entry = _parsed(line)
        if entry is None or entry.key != key:
            continue
        if isinstance(entry.look, Figures):
            log.looks.append(entry.look)
        elif isinstance(entry.final, Found):
            log.final = entry.final
    return log


def forget(path: Path, keys: Iterable[SearchKey]) -> None:
    """Take the lines of searches out, and the file with the last of them."""
    gone = list(keys)
    if not path.exists():
        return
    with locked(path, "--out"):
        lines = _lines(path)
        kept = [line for line in lines if (one := _parsed(line)) is None or one.key not in gone]
        if kept == lines:
            return
        if kept:
            write_whole(path, "".join(line + "\n" for line in kept), "--out")
        else:
            path.unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    if not is_there(path):
        return []
    return read_text(path, "a search's progress, or delete it to start afresh").splitlines()


def _parsed(line: str) -> ProgressLine | None:
    """None for a line that is torn, not ours, or of another version."""
    try:
        return msgspec.json.decode(line, type=ProgressLine)
    except (msgspec.DecodeError, RecursionError):
        return None
