"""What happens to a stream between the server's steps and the client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.serving.generate.served import Request, Served

BURST_S = 5e-5
"""Between two messages that are sent at once."""


def each(served: Served, change: Callable[[Request], Request]) -> Served:
    """The run with every request changed; the client's clock goes on to the last end."""
    requests = tuple(change(request) for request in served.requests)
    late = max(r.done for r in requests) - max(r.done for r in served.requests)
    return replace(served, requests=requests, duration=served.duration + max(0.0, late))


def merged(request: Request, groups: np.ndarray) -> Request:
    """Messages of one group as one, at the time of the last; `groups` rises by one a group."""
    last = np.flatnonzero(np.diff(groups, append=groups[-1] + 1))
    return replace(
        request,
        at=request.at[last],
        tokens=np.bincount(groups, request.tokens).astype(np.int64),
        shown=np.bincount(groups, request.shown).astype(np.int64),
    )


def steps(request: Request) -> np.ndarray:
    """Groups of the messages that a step gave: they have one time."""
    return np.cumsum(np.diff(request.at, prepend=request.at[0]) > 0)
