"""Which steps there are, and what a step's command line is once the device is known."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from truetpot.facts.kinds import accelerators
from truetpot.records.opening import Identity
from truetpot.records.providers import KernelEntry, ProvidersRecord

Need = Literal["", "torch", "cards", "images"]
LARGE, SMALL = "qwq-32b", "qwen2.5-0.5b"
IMAGES = (".zebin", ".spv", ".bin", ".cl_cache", ".l0_cache")
"""How Triton's and the compute runtime's caches name device images."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``steps.toml``: what it runs, for how long at most, and where."""

    name: str
    about: str
    limit_s: float
    run: str = ""
    probe: str = ""
    needs: Need = ""
    each: Literal["", "provider"] = ""
    ops: tuple[str, ...] = ()

    def reads(self, word: str) -> bool:
        """Whether its command line has a place for ``word``."""
        return f"{{{word}}}" in self.run


@dataclass(frozen=True)
class Known:
    """What is known of the machine; step ``providers`` adds to it."""

    device: str
    small: bool
    images: Path
    """Where compilers leave what they compiled."""
    devices: tuple[Identity, ...] = ()
    kernels: tuple[KernelEntry, ...] = ()

    def told(self, record: ProvidersRecord) -> Known:
        """The same with the devices and kernels that step ``providers`` found."""
        return replace(
            self,
            device=record.device,
            devices=tuple(record.devices),
            kernels=tuple(record.kernels),
        )

    @property
    def kind(self) -> str:
        """Kind of the device: ``xpu`` of ``xpu:0``."""
        return self.device.partition(":")[0]

    @property
    def cards(self) -> int:
        """Number of devices of the same kind."""
        return sum(one.get("kind") == self.kind for one in self.devices)

    def binaries(self) -> list[Path]:
        """Device images that were compiled so far, the newest last, a few of them."""
        found = [path for path in self.images.rglob("*") if path.suffix in IMAGES]
        return sorted(found, key=lambda path: path.stat().st_mtime)[-8:]


def load_steps() -> tuple[Step, ...]:
    """Every step of ``steps.toml``, in its order."""
    text = resources.files(__package__).joinpath("steps.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, tuple[Step, ...]])["step"]


def expand(step: Step, known: Known) -> Iterator[tuple[Step, str]]:
    """The step as often as it is run, and why it is not, or an empty reason."""
    if step.each != "provider":
        yield step, _why_not(step, known)
        return
    here = [one for one in known.kernels if one.available]
    names = sorted({one.provider for one in here})
    if not names:
        yield step, "step providers named none"
    for name in names:
        has = {one.op for one in here if one.provider == name}
        ops = [op for op in step.ops if op.split()[0] in has]
        run = step.run.replace("{provider}", shlex.quote(name)).replace("{op}", (ops or [""])[0])
        safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)
        one = msgspec.structs.replace(step, name=f"{step.name}-{safe}", run=run)
        yield one, "" if ops else f"it has none of {', '.join(op.split()[0] for op in step.ops)}"


def arguments(step: Step, known: Known) -> Sequence[str]:
    """What follows ``python -m``, without the record's file."""
    if step.probe:
        return ["truetpot.contact.probes", step.probe, known.device]
    words = step.run.format(
        device=shlex.quote(known.device),
        kind=known.kind,
        cards=known.cards,
        model=SMALL if known.small else LARGE,
        small="--small" if known.small else "",
        images=shlex.join(map(str, known.binaries())),
    )
    return ["truetpot", *shlex.split(words)]


def _why_not(step: Step, known: Known) -> str:
    if step.needs == "torch" and known.kind == "opencl":
        return "torch's profiler does not see OpenCL"
    if step.needs == "cards" and (known.kind not in accelerators() or known.cards < 2):
        return "there are not several cards of torch"
    if step.needs == "images" and not known.binaries():
        return "no compiler left a device image for this device in its cache"
    return ""
