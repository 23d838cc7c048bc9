"""One case, prepared once: the same inputs, reference and bounds for every kernel that runs it."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from truetpot.facts.hardware import Hardware
from truetpot.measure.check import Args, Check, Expected, check_on, prepare
from truetpot.measure.entrant import Entrant
from truetpot.measure.recheck import Recheck
from truetpot.measure.rotation import Rotation, plan_rotation
from truetpot.ops import Case, Operator
from truetpot.ops.inputs import Inputs
from truetpot.ops.operator import Outputs
from truetpot.ops.registry import Kernel
from truetpot.records.words import Cache
from truetpot.runtime.device import Device


class PreparedCase:
    """An operator's case on a device, whose kernels are checked and timed on the same values.

    Inputs and their float64 reference are made on the host when they are first asked for, from the
    seed; of a collective they are this rank's. Copies on the device belong to what is bound to
    them, and go with it: nothing of the device is held here. ``hardware`` is the datasheet by which
    a time is called impossible; None where there is none.
    """

    def __init__(
        self,
        op: Operator,
        case: Case,
        device: Device,
        seed: int = 0,
        hardware: Hardware | None = None,
    ) -> None:
        self.op, self.case, self.device = op.on_rank(device.group.rank), case, device
        self.seed, self.hardware = seed, hardware
        self.bytes, self.flops = op.bytes(case), op.flops(case)

    @cached_property
    def inputs(self) -> Inputs:
        """What kernels are checked on."""
        return self.op.inputs(self.case, np.random.default_rng(self.seed))

    @cached_property
    def reference(self) -> Outputs:
        """What a kernel has to make of :attr:`inputs`, float64; integers stay integers."""
        return self.op.reference(self.case, self.inputs)

    @cached_property
    def timed(self) -> Inputs:
        """Other values for the timing, over the same weights: what is kept of one shows."""
        other = self.op.inputs(self.case, np.random.default_rng(self.seed + 1))
        return other | {name: self.inputs[name] for name in self.op.weights}

    def make(self) -> None:
        """Make inputs and reference now. Raises UserError where the case has none."""
        self.reference  # noqa: B018

    def hand_over(self, file: Path) -> None:
        """Write inputs, reference and timed values for another process of this user."""
        with file.open("wb") as to:
            pickle.dump((self.inputs, self.reference, self.timed), to, pickle.HIGHEST_PROTOCOL)

    def take_over(self, file: Path) -> None:
        """What :meth:`hand_over` wrote of the same case, instead of making it again."""
        with file.open("rb") as given:
            self.inputs, self.reference, self.timed = pickle.load(given)

    def check(self, kernel: Kernel) -> Check:
        """Is the kernel right on :attr:`inputs`? As :func:`truetpot.measure.check.check_on`."""
        return check_on(kernel, self.case, self.inputs, self.reference)

    def rotation(self, rotate: bool = True) -> Rotation:
        """Through how many copies, by the memory that is free now; few if not ``rotate``."""
        return plan_rotation(self.op, self.case, self.device, rotate)

    def copies(self, kernel: Kernel, count: int) -> list[Args]:
        """So many copies of :attr:`timed` on the device, weights as the kernel packs them."""
        return [prepare(kernel, self.timed) for _ in range(count)]

    def bind(
        self,
        expected: Expected,
        rotation: Rotation,
        name: str,
        shared: Sequence[Args] | None = None,
        **about: Any,
    ) -> Entrant:
        """The calls of a kernel that passed its check, on copies that they take in turn.

        ``shared`` are copies that other entrants have too; without them the kernel gets its own.
        ``about`` are further fields of the entrant, which can be checked again after its race.
        """
        kernel = expected.kernel
        copies = self.copies(kernel, rotation.copies) if shared is None else shared
        entrant = Entrant(
            name,
            [partial(kernel, **args) for args in copies],
            bytes=self.bytes,
            operations=self.flops,
            floor_s=self.least_s(kernel) if rotation.cache is Cache.ROTATED else None,
            kernel=kernel,
            **about,
        )
        again = Recheck(expected, entrant, copies, self.timed, shared is not None)
        entrant.check_again = again.fault
        return entrant

    def least_s(self, kernel: Kernel) -> float | None:
        """Seconds below which no call can be that reads from memory; None for an unknown card.

        A coarse kernel may multiply at the rate of 8-bit operands.
        """
        if self.hardware is None:
            return None
        dtype = "int8" if kernel.coarse else self.case.dtype
        return self.hardware.least_ms(self.bytes, self.flops, dtype) * 1e-3
