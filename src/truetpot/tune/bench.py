"""One case on the device, ready to be run by any configuration of one kernel."""

from __future__ import annotations

from truetpot.errors import KernelError, UserError
from truetpot.facts.hardware import Hardware
from truetpot.measure.check import Args, Expected, check_on, prepare
from truetpot.measure.entrant import Entrant
from truetpot.measure.kernels import Given, least_s, plan_rotation
from truetpot.measure.recheck import timed_calls
from truetpot.ops.guard import guarded, who
from truetpot.ops.operator import Case
from truetpot.ops.packed import same
from truetpot.ops.registry import Config, Kernel
from truetpot.records.words import Cache
from truetpot.runtime.device import Device


class Bench:
    """A case's inputs, their reference, and the copies on the device that the calls rotate through.

    The copies are packed by the default. A configuration that packs the same weight to the same
    bits shares them; another one gets copies of its own for as long as it is timed. Raises
    KernelError where the default is wrong, UserError where too few copies fit.
    """

    def __init__(
        self,
        kernel: type[Kernel],
        case: Case,
        device: Device,
        default: Config,
        hardware: Hardware | None = None,
    ) -> None:
        self.kernel, self.case, self.device = kernel, case, device
        rotation = plan_rotation(kernel.op, case, device)
        if rotation.reason:
            raise UserError(rotation.reason)
        self.cache, self.copies = rotation.cache, rotation.copies
        self.bytes = kernel.op.bytes(case)
        self.floor_s = None
        if hardware is not None and self.cache is Cache.ROTATED:
            self.floor_s = least_s(kernel, case, hardware)
        self._given = Given(kernel.op, case)
        self._default, _ = self._checked(default)
        self.shared: list[Args] = []
        self.renew()

    def renew(self) -> None:
        """Make the copies anew: a kernel may have changed what it is only to read."""
        self.shared.clear()
        self.shared = self._copies(self._default.kernel)

    def default(self) -> Entrant:
        """The default once more, without samples."""
        return self._entrant("default", self._default, self.shared)

    def enter(self, config: Config) -> Entrant:
        """Make the kernel, check it, and give its calls. Raises KernelError where it fails."""
        expected, args = self._checked(config)
        weights = self.kernel.op.weights
        if all(same(self.device, args[name], self.shared[0][name]) for name in weights):
            return self._entrant(str(config), expected, self.shared)
        args.clear()
        if reason := plan_rotation(self.kernel.op, self.case, self.device).reason:
            raise KernelError(f"its own packing: {reason}")
        return self._entrant(str(config), expected, self._copies(expected.kernel))

    def _checked(self, config: Config) -> tuple[Expected, Args]:
        with guarded(who=who(self.kernel, self.case, config)):
            kernel = self.kernel(self.case, self.device, **config)
            kernel.given = config
        verdict = check_on(kernel, self.case, *self._given.checked)
        if verdict.expected is None:
            raise KernelError(verdict.reason)
        return verdict.expected, verdict.inputs

    def _copies(self, kernel: Kernel) -> list[Args]:
        return [prepare(kernel, self._given.timed) for _ in range(self.copies)]

    def _entrant(self, name: str, expected: Expected, copies: list[Args]) -> Entrant:
        return timed_calls(
            name,
            expected,
            copies,
            self._given.timed,
            shared=copies is self.shared,
            bytes=self.bytes,
            floor_s=self.floor_s,
        )
