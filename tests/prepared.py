"""One kernel checked on a case of its own."""

from truetpot.measure.prepared import PreparedCase


def check(kernel, case, seed=0):
    """The verdict on a kernel, on inputs from the seed."""
    return PreparedCase(kernel.op, case, kernel.device, seed).check(kernel)
