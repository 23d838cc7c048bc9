"""The few visible tokens divide the time of all: the client passes over messages without text,
takes the latency to ``[DONE]``, and counts the text tokenised again (vLLM's up to 0.6.6)."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Request, Served
from tests.serving.generate.streams import each


def _apply(served: Served, random: np.random.Generator) -> Served:
    """A few words, then tokens that show nothing (end of text, decoded on and on)."""

    def change(request: Request) -> Request:
        visible = int(random.integers(2, max(3, request.decoded // 8)))
        shown = np.where(np.arange(request.decoded) < visible, request.shown, 0)
        return replace(request, shown=shown)

    return each(served, change)


MECHANISM = Mechanism(
    "visible-tokens", ("vllm-0.6", "vllm-0.6-detailed", "vllm-0.6-table"), apply=_apply
)
