"""Nothing is wrong: the rows of the warm-up, which were slow, are in the file beside the others."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario, Served


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    n = max(8, len(asked.prompts))
    return replace(asked, prompts=np.resize(asked.prompts, n), outputs=np.resize(asked.outputs, n))


def _apply(served: Served, random: np.random.Generator) -> Served:
    """Before the run, one after another, each some times slower than it is later."""
    slower, now, warmup = random.uniform(2, 5), 0.0, []
    for request in served.requests[: int(random.integers(1, 4))]:
        shift = now - request.began * slower
        warmup.append(
            replace(
                request,
                sent=now,
                began=now,
                first=request.first * slower + shift,
                last=request.last * slower + shift,
                at=request.at * slower + shift,
                done=request.done * slower + shift,
                phase="warmup",
            )
        )
        now = warmup[-1].done + 1e-3
    later = [
        replace(
            r,
            sent=r.sent + now,
            began=r.began + now,
            first=r.first + now,
            last=r.last + now,
            at=r.at + now,
            done=r.done + now,
        )
        for r in served.requests
    ]
    return replace(served, requests=(*warmup, *later), duration=served.duration + now)


MECHANISM = Mechanism(
    "warm-up", ("aiperf", "aiperf-records", "guidellm", "guidellm-requests"), ask=_ask, apply=_apply
)
