"""What every measured record says about where and how it was made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import cast

from truetpot import __version__
from truetpot.facts.providers import all_providers
from truetpot.facts.variables import recorded
from truetpot.records.opening import ClockRow, Environment, Identity, Opening, command, now
from truetpot.runtime.device import Device


def packages() -> dict[str, str]:
    """Versions of the packages that kernels stand on, of those that are installed, by name."""
    names = ("numpy", *(name for one in all_providers().values() for name in one.packages))
    return {name: version for name in names if (version := installed(name))}


def environment(device: Device) -> Environment:
    """Software, variables, the device's identity, clock and state at this moment."""
    clock = device.clock()
    return Environment(
        truetpot=__version__,
        commit=_commit(),
        python=platform.python_version(),
        os=platform.platform(),
        packages=packages(),
        variables=recorded(os.environ),
        device=cast(Identity, device.identity()),
        clock=ClockRow(source=clock.source, empty_pair_s=clock.empty_pair_s),
        state=device.state(),
    )


def opening(device: Device) -> Opening:
    """What a record opens with."""
    return Opening(started=now(), command=command(), environment=environment(device))


def installed(name: str) -> str | None:
    """Of a package as it is installed; None where it is not."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout this package runs from, marked if it has changes."""

    def git(*words: str) -> str:
        here = str(Path(__file__).resolve().parent)
        done = subprocess.run(
            ["git", "-C", here, *words], capture_output=True, text=True, timeout=5, check=True
        )
        return done.stdout.strip()

    try:
        # a checkout of something else around an installed package is not ours: this then fails
        git("ls-files", "--error-unmatch", __file__)
        head = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changed else head
