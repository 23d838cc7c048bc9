"""Questions to a driver, a library or the kernel, any of which may be refused.

``torch.xpu.mem_get_info`` raises RuntimeError on integrated GPUs and under WSL, a property that a
build of torch lacks AttributeError, a file of sysfs OSError, OpenCL an error class of its own. Such
an answer is unknown, which is None; it is no reason to end a run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


def ask(query: Callable[[], T]) -> T | None:
    """What the query gives; None where it raises, whatever it raises."""
    try:
        return query()
    except Exception as error:  # noqa: BLE001
        # the code behind it is a driver's, and each has its own classes
        log.info("refused: %s: %s", type(error).__name__, error)
        return None


def told(source: Any, *names: str) -> Any | None:
    """The first of the attributes that is there, can be read and is not None."""
    answers = (ask(partial(getattr, source, name)) for name in names)
    return next((answer for answer in answers if answer is not None), None)
