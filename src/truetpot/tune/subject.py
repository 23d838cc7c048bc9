"""The kernel, case and device of a search, as another process finds them again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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

    def find(self) -> tuple[Selection, Device]:
        """The kernel, or why there is none, and the device. Raises UserError for the device."""
        from truetpot.runtime.choose import choose_device

        device = choose_device(self.device)
        REGISTRY.load_builtin()
        if self.folder is not None:
            REGISTRY.load_folder(self.folder)
        return REGISTRY.choose(self.op, self.case, device, self.provider), device
