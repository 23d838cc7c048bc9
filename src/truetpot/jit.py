"""numba's ``njit``, which keeps what it compiled where it can, and compiles anew where it cannot.

numba refuses to load a function with ``cache=True`` where neither the package's folder nor the
user's own can be written, and raises where the disk is full. Neither is a reason not to run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import numba

log = logging.getLogger(__name__)


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As ``numba.njit``, called with options."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            compiled = numba.njit(**options)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            _tell()
            return numba.njit(**{**options, "cache": False})(function)
        if hasattr(compiled, "_cache"):  # not where NUMBA_DISABLE_JIT is set
            _forgive(compiled._cache)
        return compiled

    return decorate


def _forgive(kept: Any) -> None:
    """Let a file of the cache that cannot be read or written cost time only."""
    load, save = kept.load_overload, kept.save_overload

    def load_overload(*args: Any) -> Any:
        try:
            return load(*args)
        except OSError:
            return None

    def save_overload(*args: Any) -> None:
        try:
            save(*args)
        except OSError:
            _tell()

    kept.load_overload, kept.save_overload = load_overload, save_overload


@cache  # one sentence for dozens of functions
def _tell() -> None:
    log.warning(
        "Compiled functions cannot be kept and are compiled in every run: set NUMBA_CACHE_DIR to a "
        "folder that can be written."
    )
