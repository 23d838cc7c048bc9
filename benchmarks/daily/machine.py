"""What ASV keeps of a machine beside its own words: card, driver, torch and the compilers.

ASV has no place for the versions of packages in an environment that it did not build. It keeps
every key of ``~/.asv-machine.json`` with each result, and its pages draw a line for each value.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import metadata
from pathlib import Path

from benchmarks.offered import without_card
from truetpot.errors import UserError
from truetpot.runtime.choose import choose_device

PACKAGES = ("torch", "triton", "numba", "pyopencl")
CARD = {"gpu": "name", "gpu_driver": "driver"}
"""Our key, and what a device's identity calls it."""


def versions(constraints: Path | None = None) -> dict[str, str]:
    """Of the packages that kernels are made with; empty where one is missing.

    In this environment; or, for those that ASV builds, as ``constraints.txt`` pins them.
    """
    if constraints is not None:
        pins = (line.partition("==") for line in constraints.read_text().splitlines())
        pinned = {name: version.split()[0] for name, _, version in pins if version}
        return {name: pinned.get(name, "") for name in PACKAGES}
    found = dict.fromkeys(PACKAGES, "")
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def card(name: str = "auto") -> dict[str, str]:
    """Name and driver of the device; nothing for a CPU, which ASV describes by itself."""
    if name == "cpu" or (name == "auto" and without_card()):
        return {}
    try:
        here = choose_device(name)
    except UserError:
        return {}
    if here.kind == "cpu":
        return {}
    identity = here.identity()
    told = {key: identity.get(word) for key, word in CARD.items()}
    return {key: str(value) for key, value in told.items() if value}


def describe(
    device: str = "auto", constraints: Path | None = None, path: Path | None = None
) -> dict[str, str]:
    """Bring this machine's entry up to date; what stands there now.

    ``constraints`` as of :func:`versions`; ``path`` is another file than ``~/.asv-machine.json``.
    Keys that a user added stay.
    """
    from asv.machine import Machine, MachineCollection
    from asv.util import UserError as AsvError

    where = None if path is None else str(path)
    try:
        known = MachineCollection.load(Machine.get_unique_machine_name(), _path=where)
    except AsvError:
        known = Machine.get_defaults()
    entry: dict[str, str] = {**known, **versions(constraints), **card(device)}
    MachineCollection.save(entry["machine"], entry, _path=where)
    return entry
