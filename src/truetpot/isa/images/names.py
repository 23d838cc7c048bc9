"""Names of kernels as people read them: SYCL's are types, mangled."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

_TYPE_NAME = "typeinfo name for "


def demangled(names: Sequence[str]) -> dict[str, str]:
    """Each name by itself, or as ``c++filt`` of binutils reads it where that is installed."""
    mangled = [name for name in names if name.startswith("_Z") and name.isprintable()]
    plain = {name: name for name in names}
    tool = shutil.which("c++filt")
    if tool is None or not mangled:
        return plain
    try:
        done = subprocess.run(
            [tool], input="\n".join(mangled), capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return plain
    read = done.stdout.splitlines()
    if len(read) != len(mangled):
        return plain
    return plain | {
        name: one.removeprefix(_TYPE_NAME) for name, one in zip(mangled, read, strict=True)
    }
