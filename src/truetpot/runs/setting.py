"""Where a command measures and with what: device, kernels, providers, dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import psutil

from truetpot.decode.preference import Preference
from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware, recognise
from truetpot.facts.kinds import all_kinds
from truetpot.facts.providers import all_providers
from truetpot.facts.workload import Workload
from truetpot.formats import FORMATS
from truetpot.measure.ceiling import SWEEP
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.registry import REGISTRY, Kernel
from truetpot.runs.watch import NOBODY, Watch
from truetpot.runtime.ask import ask
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.runtime.group import ALONE, Group
from truetpot.stats import StopRule
from truetpot.text import escaped, one_of

DTYPES = ("bf16", "fp16", "fp32")
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
        """Names of the providers whose kernels are used, the preferred one first."""
        return self.preference.providers

    def shapes(
        self,
        formats: Iterable[str],
        batches: Iterable[int],
        contexts: Iterable[int],
        tp: int,
        page: int | None,
        query_tokens: Iterable[int] = (1,),
    ) -> list[Workload]:
        """A step's shape in each weight format named, at each point.

        Raises UserError for an unknown format.
        """
        return step_shapes(
            formats, batches, contexts, tp, page, query_tokens,
            dtype=self.dtype, kv_format=self.kv_format,
        )  # fmt: skip


def step_shapes(
    formats: Iterable[str],
    batches: Iterable[int],
    contexts: Iterable[int],
    tp: int,
    page: int | None,
    query_tokens: Iterable[int],
    *,
    dtype: str,
    kv_format: str,
) -> list[Workload]:
    """One a weight format, batch, context and number of query tokens.

    Raises UserError for a format or a dtype that is not known.
    """
    one_of(dtype, DTYPES, "--dtype")
    one_of(kv_format, tuple(NUMPY_DTYPE), "--kv-format")
    return [
        Workload(
            context=context,
            format=weight_format(name),
            kv_format=kv_format,
            dtype=dtype,
            batch=batch,
            query_tokens=tokens,
            tp=tp,
            page=page,
        )
        for name, batch, context, tokens in product(formats, batches, contexts, query_tokens)
    ]


def find_setting(
    device: str = "auto",
    provider: str | Sequence[str] | None = None,
    kernels: str | Path | None = None,
    dtype: str = "auto",
    kv_format: str = "auto",
    watch: Watch = NOBODY,
    group: Group = ALONE,
) -> Setting:
    """Everything that ``auto`` and None stand for, on the device of one of a group of ranks.

    Raises UserError for what is not there.
    """
    chosen = choose_device(device, group)
    usual = all_kinds()[chosen.kind]
    own = load_kernels(None if kernels is None else Path(kernels), watch)
    if provider is None:
        providers = in_order(usual.providers, own, usual.name)
    else:
        providers = (provider,) if isinstance(provider, str) else tuple(provider)
    if dtype == "auto":
        dtype = usual.dtype
    one_of(dtype, DTYPES, "--dtype")
    if kv_format == "auto":
        kv_format = dtype
    one_of(kv_format, tuple(NUMPY_DTYPE), "--kv-format")
    identity = chosen.identity()
    card = recognise(str(identity["name"]), identity.get("memory_bytes"))
    preference = Preference(providers, chosen)
    return Setting(chosen, card, preference, dtype, kv_format, tuple(own))


def load_kernels(folder: Path | None, watch: Watch = NOBODY) -> list[str]:
    """All kernels there are; the providers of a folder's. Says in a line each what did not load."""
    before, own = {*REGISTRY.imported()}, list[type[Kernel]]()
    lost = REGISTRY.load_builtin()
    if folder is not None:
        lost += REGISTRY.load_folder(folder)
        root = folder.resolve()
        own = [k for k in REGISTRY.imported() if Path(k.source).resolve().is_relative_to(root)]
        if not own and not REGISTRY.has_lost(folder):
            raise UserError(f"No file in {folder} registers a kernel; see docs/your-own-kernel.md.")
    for missing in lost:
        watch.warn(f"{escaped(missing.what)} was not loaded: {missing.reason}")
    for kernel in (*own, *REGISTRY.installed()):
        if REGISTRY.shadows(kernel) and kernel not in before:
            watch.warn(
                f"{escaped(kernel.source)}: the built-in {kernel.op.name} of {kernel.provider} is "
                "asked before the one here; give its provider a name of its own"
            )
    return list(dict.fromkeys(kernel.provider for kernel in own))


def in_order(usual: Sequence[str], own: Sequence[str], kind: str) -> tuple[str, ...]:
    """A user's own providers, those of installed packages, new ones in the tree, the usual ones.

    Of packages and of the tree those that have a kernel for this kind of device; new is one that
    providers.toml does not name. One that has a built-in provider's name stays in that one's place.
    """
    packages = [k.provider for k in REGISTRY.installed() if k.runs_on(kind)]
    first = [name for name in (*own, *packages) if not REGISTRY.is_builtin(name)]
    new = [
        name
        for name in REGISTRY.builtin_providers()
        if name not in all_providers()
        and any(kernel.runs_on(kind) for kernel in REGISTRY.kernels(provider=name))
    ]
    return tuple(dict.fromkeys((*first, *new, *usual, *own, *packages)))


def weight_format(name: str) -> str:
    """A format that can be computed in."""
    return one_of(name, tuple(FORMATS), "--format")


def sweep_rule(seconds: float) -> StopRule:
    """The ceiling's sweep takes at most as long as what it is the ceiling of."""
    warmup_s = min(SWEEP.warmup_s, seconds)
    return replace(SWEEP, seconds=min(SWEEP.seconds, seconds), warmup_s=warmup_s)


def busy(device: Device) -> str | None:
    """What to tell a reader if other programs use the CPU that is about to be measured."""
    if not device.is_cpu:
        return None
    percent = ask(lambda: psutil.cpu_percent(interval=0.3))
    if percent is None or (used := percent / 100) < BUSY:  # not told, or idle enough
        return None
    return f"the machine was busy ({used:.0%} of its CPU) before the run: times are of a busy one"


def doubts(device: Device) -> list[str]:
    """What a reader is to be told of the machine before any time: load, and what it does not tell.

    Of several ranks, what any of them has to say; all ask together.
    """
    load = busy(device)
    unknown = (note for notes in device.group.gather(device.notes()) for note in notes)
    return list(dict.fromkeys([*([] if load is None else [load]), *unknown]))
