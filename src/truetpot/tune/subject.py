"""The kernel, case and device of a search, as another process finds them again."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.ops.operator import Case
from truetpot.ops.registry import REGISTRY
from truetpot.ops.selection import Selection
from truetpot.runtime.device import Device


@dataclass(frozen=True)
class Subject:
    """What is searched; can be pickled."""

    op: str
    provider: str
    case: Case
    device: str
    folder: Path | None
    """Of the user's own kernels."""

    def __reduce__(self) -> tuple[Any, ...]:
        """The case apart: its class may be in the folder, which is imported first."""
        case = pickle.dumps(self.case)
        return _found_again, (self.op, self.provider, case, self.device, self.folder)

    def find(self) -> tuple[Selection, Device]:
        """The kernel, or why there is none, and the device. Raises UserError for the device."""
        from truetpot.runtime.choose import choose_device

        device = choose_device(self.device)
        _import(self.folder)
        return REGISTRY.choose(self.op, self.case, device, self.provider), device


def _found_again(
    op: str, provider: str, case: bytes, device: str, folder: Path | None
) -> Subject:
    _import(folder)
    return Subject(op, provider, pickle.loads(case), device, folder)


def _import(folder: Path | None) -> None:
    REGISTRY.load_builtin()
    if folder is not None:
        REGISTRY.load_folder(folder)
