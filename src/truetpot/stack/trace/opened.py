"""A trace's file as its readers get it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from truetpot.errors import UserError
from truetpot.stack.trace.model import Trace

WHAT = (
    "a trace of torch.profiler, unitrace, Nsight Systems (CSV or sqlite), rocprofv3 (CSV), "
    "ONEDNN_VERBOSE=profile_exec or GGML_VK_PERF_LOGGER"
)


@dataclass(frozen=True)
class Opened:
    """A file of others, at its start, decompressed where it is compressed."""

    file: BinaryIO
    path: Path
    shown: str
    what: str = WHAT

    def wrong(self, why: str) -> UserError:
        """The sentence for a file that is not what it should be."""
        return UserError(f"{self.shown} cannot be read as a trace ({why}); give {self.what}.")


Reader = Callable[[Opened], Trace]
