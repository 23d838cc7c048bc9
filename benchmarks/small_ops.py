"""The operators between the projections: microseconds each, and hundreds of them in a step.

Their inputs are a few kilobytes that the kernel before has just written, so they are timed hot.
"""

from __future__ import annotations

from truetpot.ops import ADD, ARGMAX, EMBEDDING, RMS_NORM, ROPE_APPEND, SILU_MUL

from .common import DEVICE, ROUNDS, SIZE, case, kernel_time, providers, shape


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


class RmsNorm(_SmallOp):
    """RMS norm with the residual's add."""

    op = RMS_NORM
    params = ([DEVICE], providers("rms_norm"))


class RopeAppend(_SmallOp):
    """Rotate q and k, append k and v to the cache."""

    op = ROPE_APPEND
    params = ([DEVICE], providers("rope_append"))


class SiluMul(_SmallOp):
    """silu(gate) * up."""

    op = SILU_MUL
    params = ([DEVICE], providers("silu_mul"))


class Add(_SmallOp):
    """The residual's add, where it is a call of its own."""

    op = ADD
    params = ([DEVICE], providers("add"))


class Embedding(_SmallOp):
    """One row of the table."""

    op = EMBEDDING
    params = ([DEVICE], providers("embedding"))


class Argmax(_SmallOp):
    """The greedy token."""

    op = ARGMAX
    params = ([DEVICE], providers("argmax"))
