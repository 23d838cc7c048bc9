"""Environment variables that libraries read when they are imported: looked at before they are."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from truetpot.errors import UserError
from truetpot.text import escaped

MOST_THREADS = 4096
"""Far more than a machine has; numba ends the process with a segmentation fault for 100,000."""
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_NESTED = ("OMP_NUM_THREADS",)
"""May be a list, a number a level."""
LAYERS = ("default", "safe", "threadsafe", "forksafe", "tbb", "omp", "workqueue")
"""Values of NUMBA_THREADING_LAYER."""


def check_variables(environment: Mapping[str, str] | None = None) -> None:
    """Raise UserError for a value that a library would refuse, or silently leave out of account."""
    given = os.environ if environment is None else environment
    for name in THREADS:
        value = given.get(name, "").strip()
        numbers = value.split(",") if name in _NESTED else [value]
        if value and not all(map(_is_count, numbers)):
            raise UserError(
                f"{name}={escaped(value)} is no number of threads; give one from 1 to "
                f"{MOST_THREADS}, or unset it."
            )
    if given.get("NUMBA_DISABLE_JIT", "").strip() not in ("", "0"):
        raise UserError("NUMBA_DISABLE_JIT is set, and the numba kernels run compiled; unset it.")
    layer = given.get("NUMBA_THREADING_LAYER", LAYERS[0])
    if layer not in LAYERS:
        raise UserError(
            f"NUMBA_THREADING_LAYER={escaped(layer)} is not known to numba; choose from "
            f"{', '.join(LAYERS)}, or unset it."
        )


@contextmanager
def strict() -> Iterator[None]:
    """Let numba's warning of a variable that it cannot read end the command, as an exception."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", r"Environment variable '\w+' is", RuntimeWarning)
        yield


def _is_count(text: str) -> bool:
    return re.fullmatch(r"\s*0*[1-9]\d{0,8}\s*", text) is not None and int(text) <= MOST_THREADS
