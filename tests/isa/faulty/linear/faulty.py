"""sym_int4 products of one row of x that each do one thing that they should not, by name.

``sound`` is what they were before; it has no fault.
"""

from pathlib import Path

from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import LINEAR
from truetpot.ops.registry import register
from truetpot.runtime.opencl.build import Build

SOURCE = str(Path(__file__).with_name("faulty.cl"))
WHICH = (
    "sound", "spill", "private", "products", "narrow", "overlap", "chase", "few", "conflicts",
    "twice", "beyond", "large",
)  # fmt: skip
ROWS = 4


@register(LINEAR, provider="faulty", devices=("opencl",))
class Faulty(OpenClKernel):
    """One launch parameter: which."""

    @classmethod
    def builds(cls, case, target, **config):
        which = config["which"]
        options = {which.upper(): 1, "ROWS": 16 if which == "spill" else ROWS}
        return (Build(SOURCE, "faulty", options, which, 16),)

    @classmethod
    def refuses(cls, case, device):
        if (case.weight_format, case.m, case.dtype) != ("sym_int4", 1, "fp16"):
            return "sym_int4 with one row in fp16"
        return super().refuses(case, device)

    @classmethod
    def configs(cls, case, device):
        return ({"which": which} for which in WHICH)

    def pack(self, weight):
        return self.device.upload(weight.codes), self.device.upload(weight.scales)

    def __call__(self, *, x, weight, bias):
        which = self.config["which"]
        out = self.empty(1, self.case.n)
        rows = 16 if which == "spill" else ROWS
        groups = self.case.n // rows
        if which == "twice":  # every row of W is two work-groups'
            groups *= 2
        if which == "few":  # a work-group has the rows of many
            groups = 2
        (run,) = self.functions
        run((16, groups), (16, 1), x, *weight, bias, out, self.case.n, self.case.k)
        return out
