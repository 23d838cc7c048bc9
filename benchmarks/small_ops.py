"""The operators between the projections: microseconds each, and hundreds of them in a step.

Their inputs are a few kilobytes that the kernel before has just written, so they are timed hot.
"""

from __future__ import annotations

from truetpot.ops import ADD, ARGMAX, EMBEDDING, RMS_NORM, ROPE_APPEND, SILU_MUL

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, offered, providers, shape


class _SmallOp:
    version = "2"
    unit = "seconds"
    timeout = 600
    param_names = ("device", "provider")

    def track_device_time(self, device, provider):
        """Seconds of one call."""
        what = case(self.op, shape(device, SIZE.formats[0], SIZE.contexts[0]))
        return kernel_time(self.op, what, provider, device)

    track_device_time.rounds = ROUNDS


@offered
class RmsNorm(_SmallOp):
    """RMS norm with the residual's add."""

    op = RMS_NORM
    pretty_name = "RMS norm"
    params = ([DEVICE], providers("rms_norm"))


@offered
class RopeAppend(_SmallOp):
    """Rotate q and k, append k and v to the cache."""

    op = ROPE_APPEND
    pretty_name = "rotation and append"
    params = ([DEVICE], providers("rope_append"))


@offered
class SiluMul(_SmallOp):
    """silu(gate) * up."""

    op = SILU_MUL
    pretty_name = "SiLU"
    params = ([DEVICE], providers("silu_mul"))


@offered
class Add(_SmallOp):
    """The residual's add, where it is a call of its own."""

    op = ADD
    pretty_name = "residual"
    params = ([DEVICE], providers("add"))


@offered
class Embedding(_SmallOp):
    """One row of the table."""

    op = EMBEDDING
    pretty_name = "embedding"
    params = ([DEVICE], providers("embedding"))


@offered
class Argmax(_SmallOp):
    """The greedy token."""

    op = ARGMAX
    pretty_name = "argmax"
    params = ([DEVICE], providers("argmax"))
