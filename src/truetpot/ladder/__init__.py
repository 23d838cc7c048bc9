"""The ladder: one quantity, ms per token, at several heights, and the loss between neighbours.

``spec`` is the bytes that must be read over the datasheet's bandwidth, or the operations over its
rate where they take longer; ``ceiling`` the same over the best bandwidth and rate found on this
device, ``kernels`` the sum of the step's kernels' own
times, ``step`` the whole step, ``eager`` the same where the host submits every kernel although the
device can replay a captured graph. ``serving`` joins from a result file. Everything here is a pure
function of samples and facts: no device, no torch.
"""

from truetpot.ladder.build import build_ladder
from truetpot.ladder.losses import LOSSES, RUNGS, losses, share_of_ceiling
from truetpot.ladder.ranks import merged
from truetpot.ladder.roof import Swept, Work
from truetpot.ladder.rungs import Extent
from truetpot.ladder.timings import KernelTiming, StepTimings

__all__ = [
    "LOSSES",
    "RUNGS",
    "Extent",
    "KernelTiming",
    "StepTimings",
    "Swept",
    "Work",
    "build_ladder",
    "losses",
    "merged",
    "share_of_ceiling",
]
