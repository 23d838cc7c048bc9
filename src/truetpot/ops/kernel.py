"""What a kernel is: one operator by one provider, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from truetpot.facts.kinds import all_kinds
from truetpot.formats import Weight
from truetpot.ops.digest import digest_once
from truetpot.ops.inputs import Inputs
from truetpot.ops.operator import Operator
from truetpot.ops.tuned import Choice, choose
from truetpot.records.launch import LaunchRow
from truetpot.records.words import Origin
from truetpot.runtime.device import Device

TORCH = "torch"
"""Among a kernel's devices: every kind that torch has, by kinds.toml."""
Config = dict[str, Any]
"""Launch parameters by name."""


def devices_in_words(devices: Iterable[str]) -> str:
    """Kinds of devices for a sentence: ``cpu, opencl``, or ``any device of torch``."""
    return ", ".join("any device of torch" if one == TORCH else one for one in sorted(devices))


class Kernel:
    """One operator by one provider, built for a case on a device.

    ``__init__`` may compile, choose launch parameters from ``config`` and keep scratch memory.
    """

    op: ClassVar[Operator]
    provider: ClassVar[str]
    devices: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    coarse: ClassVar[str] = ""
    """What the kernel's arithmetic rounds further than the operator's, by design, in one line."""
    most_query_tokens: ClassVar[int] = 1
    """Of a sequence, where the operator has them: a case of more is refused."""

    def __init__(self, case: Any, device: Device, **config: Any) -> None:
        self.case, self.device, self.config = case, device, config
        self.given = config
        self.choice = Choice(config, Origin.GIVEN)

    @classmethod
    def make(cls, case: Any, device: Device, **config: Any) -> Self:
        """The kernel with the launch parameters given, else the usual ones."""
        choice = Choice(config, Origin.GIVEN) if config else cls.usual(case, device)
        return cls.with_choice(case, device, choice)

    @classmethod
    def with_choice(cls, case: Any, device: Device, choice: Choice) -> Self:
        """The kernel with launch parameters that know where they come from."""
        kernel = cls(case, device, **choice.config)
        kernel.given, kernel.choice = choice.config, choice
        return kernel

    @property
    def op_on_rank(self) -> Operator:
        """The operator, with the inputs that the device's rank has."""
        return self.op.on_rank(self.device.group.rank)

    @classmethod
    def usual(cls, case: Any, device: Device) -> Choice:
        """The tuned launch parameters for a case, else the nearest tuned, else the default's.

        Of a collective rank 0's, on every rank: in how many steps it goes may depend on them.
        """
        op, provider = cls.op.name, cls.provider
        usual = choose(
            op,
            provider,
            case,
            device,
            lambda: cls.configs(case, device),
            lambda: digest_once(cls),  # type: ignore[arg-type]  # a class is hashable
        )
        return device.group.gather(usual)[0] if cls.op.collective else usual

    @classmethod
    def runs_on(cls, kind: str) -> bool:
        """Whether it is registered for this kind of device, or for every kind of torch's."""
        known = all_kinds().get(kind)
        return kind in cls.devices or (TORCH in cls.devices and known is not None and known.torch)

    @property
    def parameters(self) -> Config:
        """For the record: what the kernel was made with, and what it says it chose itself."""
        plain = (str, int, float, type(None))
        return {
            name: value if isinstance(value, plain) else str(value)
            for name, value in (self.given | self.config).items()
        }

    @classmethod
    def refuses(cls, case: Any, device: Device) -> str | None:
        """Why this kernel cannot run the case here, in one line; None when it can."""
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """What ``truetpot providers`` should say beside it, such as the code path in use."""
        return ""

    @classmethod
    def configs(cls, case: Any, device: Device) -> Iterable[Config]:
        """Launch parameters worth trying, the default first."""
        return ({},)

    @classmethod
    def withheld(cls, case: Any, device: Device) -> Iterable[tuple[Config, str]]:
        """Launch parameters that are not in ``configs`` because of this device, with the reason.

        What is named may be a part: ``({"grf": 256}, "the driver refuses ...")``.
        """
        return ()

    def rounded(self, inputs: Inputs) -> Inputs:
        """The host inputs as a ``coarse`` kernel rounds them: on these it has to be right."""
        return inputs

    def pack(self, weight: Weight) -> Any:
        """The canonical weight in this kernel's own layout, on its device."""
        raise NotImplementedError(f"{type(self).__name__} takes no weight")

    def compile(self) -> bool:
        """Compile what a call needs, run nothing, and leave it on disk for other processes.

        False where only a call tells what there is to compile.
        """
        return False

    def launches(self) -> Iterable[LaunchRow]:
        """What the last call launched, in order; nothing where the kernel cannot tell."""
        return ()

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        """Run; inputs and results are arrays of the device, weights what ``pack`` returned."""
        raise NotImplementedError
