"""One case on the device, ready to be run by any configuration of one kernel."""

from __future__ import annotations

from truetpot.errors import KernelError, UserError
from truetpot.measure.check import Args, Expected
from truetpot.measure.entrant import Entrant
from truetpot.measure.prepared import PreparedCase
from truetpot.ops.guard import guarded, who
from truetpot.ops.packed import same
from truetpot.ops.registry import Config, Kernel


class Bench:
    """A prepared case, and the copies on the device that the calls of one kernel rotate through.

    The copies are packed by the default. A configuration that packs the same weight to the same
    bits shares them; another one gets copies of its own for as long as it is timed. Raises
    KernelError where the default is wrong, UserError where too few copies fit.
    """

    def __init__(self, prepared: PreparedCase, kernel: type[Kernel], default: Config) -> None:
        self.prepared, self.kernel = prepared, kernel
        self.rotation = prepared.rotation()
        if self.rotation.reason:
            raise UserError(self.rotation.reason)
        self._default, _ = self._checked(default)
        self.shared: list[Args] = []
        self.renew()

    def renew(self) -> None:
        """Make the copies anew: a kernel may have changed what it is only to read."""
        self.shared.clear()
        self.shared = self.prepared.copies(self._default.kernel, self.rotation.copies)

    def default(self) -> Entrant:
        """The default once more, without samples."""
        return self.prepared.bind(self._default, self.rotation, "default", self.shared)

    def enter(self, config: Config) -> Entrant:
        """Make the kernel, check it, and give its calls. Raises KernelError where it fails."""
        expected, args = self._checked(config)
        weights = self.kernel.op.weights
        if all(same(self.prepared.device, args[n], self.shared[0][n]) for n in weights):
            return self.prepared.bind(expected, self.rotation, str(config), self.shared)
        args.clear()
        if reason := self.prepared.rotation().reason:
            raise KernelError(f"its own packing: {reason}")
        return self.prepared.bind(expected, self.rotation, str(config))

    def _checked(self, config: Config) -> tuple[Expected, Args]:
        case, device = self.prepared.case, self.prepared.device
        with guarded(who=who(self.kernel, case, config)):
            kernel = self.kernel(case, device, **config)
            kernel.given = config
        verdict = self.prepared.check(kernel)
        if verdict.expected is None:
            raise KernelError(verdict.reason)
        return verdict.expected, verdict.inputs
