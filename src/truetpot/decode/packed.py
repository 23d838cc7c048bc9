"""Parameters that several steps of one model share, made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from truetpot.decode.program import Parameter
from truetpot.ops.packed import same
from truetpot.ops.registry import Kernel
from truetpot.runtime.device import Device


class PackedWeights:
    """Weights, vectors and the table on their device, kept from one step to the next.

    A weight has the layout of the kernel that packed it. The kernel of a later step takes it over
    where its own packing of the first such weight gives the same bits; else it packs them anew, and
    the older ones are let go. ``made`` counts what was made, ``shared`` what was taken over.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.made = self.shared = 0
        self._known: dict[Parameter, Any] = {}
        self._taken: WeakKeyDictionary[Kernel, bool] = WeakKeyDictionary()

    def of(self, ref: Parameter, kernel: Kernel, make: Callable[[], Any]) -> Any:
        """The parameter for a kernel; ``make`` makes it in the layout of that kernel."""
        if ref in self._known:
            if ref.kind != "weight" or self._takes_over(ref, kernel, make):
                self.shared += 1
                return self._known[ref]
            del self._known[ref]  # before the new one needs the room
        self._known[ref] = make()
        self.made += 1
        return self._known[ref]

    def _takes_over(self, ref: Parameter, kernel: Kernel, make: Callable[[], Any]) -> bool:
        """Decided on the first weight that a kernel asks for: all of them have one layout."""
        if kernel not in self._taken:
            self._taken[kernel] = same(self.device, make(), self._known[ref])
        return self._taken[kernel]
