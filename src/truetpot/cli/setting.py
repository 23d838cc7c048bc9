"""Where a command measures and with what: device, kernels, providers, dtypes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from truetpot.cli.command import listed, one_of
from truetpot.decode.preference import Preference
from truetpot.decode.program import StepShape
from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware, recognise
from truetpot.formats import FORMATS
from truetpot.measure.ceiling import SWEEP
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.registry import REGISTRY
from truetpot.report.terminal import Terminal
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.stats import StopRule

DTYPES = ("bf16", "fp16", "fp32")
USUAL = {"cpu": ("numba", "torch"), "opencl": ("opencl",)}
"""Providers of a kind of device in order of preference; any other has Triton's and torch's."""
BUSY = 0.2
"""Share of all cores in use by others from which on a reader is told."""


@dataclass(frozen=True)
class Setting:
    """One device, what the tables know of it, and the providers in order of preference."""

    device: Device
    hardware: Hardware | None
    preference: Preference
    dtype: str
    kv_format: str
    own: tuple[str, ...] = ()
    """Providers of the user's own folder."""

    @property
    def providers(self) -> tuple[str, ...]:
        """In order of preference."""
        return self.preference.providers

    def shapes(
        self, formats: str, batch: int, context: int, tp: int, page: int | None
    ) -> list[StepShape]:
        """A step's shape in each weight format named; raises UserError for an unknown one."""
        return [
            StepShape(batch, context, tp, self.dtype, weight_format(name), self.kv_format, page)
            for name in listed(formats, "--format")
        ]


def find_setting(
    terminal: Terminal,
    device: str,
    provider: str | None,
    kernels: Path | None,
    dtype: str,
    kv_format: str,
) -> Setting:
    """Everything that ``auto`` stands for. Raises UserError for what is not there."""
    chosen = choose_device(device)
    own = load_kernels(terminal, kernels)
    if provider is None:
        providers = tuple(dict.fromkeys((*own, *USUAL.get(chosen.kind, ("triton", "torch")))))
    else:
        providers = listed(provider, "--provider")
    if dtype == "auto":
        dtype = "fp16" if chosen.kind in ("xpu", "opencl") else "bf16"
    one_of(dtype, DTYPES, "--dtype")
    if kv_format == "auto":
        kv_format = "bf16" if dtype == "fp32" else dtype
    one_of(kv_format, tuple(NUMPY_DTYPE), "--kv-format")
    identity = chosen.identity()
    card = recognise(str(identity["name"]), identity.get("memory_bytes"))
    preference = Preference(providers, chosen)
    return Setting(chosen, card, preference, dtype, kv_format, tuple(own))


def load_kernels(terminal: Terminal, folder: Path | None) -> list[str]:
    """Built-in kernels and those of a folder; the folder's providers. Says what did not load."""
    REGISTRY.load_builtin()
    if folder is None:
        return []
    lost = REGISTRY.load_folder(folder)
    for missing in lost:
        file = f"{missing.provider}.py"
        where = file if missing.op == "(file)" else f"{missing.op}/{file}"
        terminal.say(f"{folder / where} was not loaded: {missing.reason}", "yellow")
    root = folder.resolve()
    own = [k for k in REGISTRY.imported() if Path(k.source).resolve().is_relative_to(root)]
    if not own and not lost:
        raise UserError(f"No file in {folder} registers a kernel; see docs/your-own-kernel.md.")
    return list(dict.fromkeys(kernel.provider for kernel in own))


def weight_format(name: str) -> str:
    """A format that can be computed in."""
    return one_of(name, FORMATS, "--format")


def sweep_rule(seconds: float) -> StopRule:
    """The ceiling's sweep takes at most as long as what it is the ceiling of."""
    warmup_s = min(SWEEP.warmup_s, seconds)
    return replace(SWEEP, seconds=min(SWEEP.seconds, seconds), warmup_s=warmup_s)


def why_no_spec(setting: Setting) -> str:
    """For the reader of a ladder without its lowest rung."""
    name = setting.device.identity()["name"]
    return f"{name} is not in the tables of cards, so its datasheet bandwidth is not known"


def busy(device: Device) -> str | None:
    """What to tell a reader if other programs use the CPU that is about to be measured."""
    if not device.is_cpu:
        return None
    try:
        used = psutil.cpu_percent(interval=0.3) / 100
    except OSError:  # no /proc: not known
        return None
    if used < BUSY:
        return None
    return f"the machine was busy ({used:.0%} of its CPU) before the run: times are of a busy one"
