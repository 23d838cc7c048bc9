"""Add truetpot to the environment of the Python that runs this, and change nothing else in it.

`make ... PYTHON=/path/to/env/bin/python` comes here. Says what that environment lacks instead of
installing it: an environment with an XPU build of torch is not ours to resolve anew.
"""

import json
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file meets any Python
    sys.exit(f"{sys.executable} is Python {sys.version.split()[0]}; truetpot needs 3.11 or newer.")

import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

try:
    # pip's own copy: the only one that is there wherever the installation below can work.
    from pip._vendor.packaging.requirements import Requirement
except ImportError:
    sys.exit(f"{sys.executable} has no pip: run `{sys.executable} -m ensurepip` first.")

ROOT = Path(__file__).resolve().parents[1]


def missing(extras: list[str]) -> Iterator[str]:
    """The requirements that this environment does not meet, as pyproject.toml writes them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    for line in wanted:
        requirement = Requirement(line)
        if requirement.name == project["name"]:  # truetpot[asv] inside the dev extra
            yield from missing(list(requirement.extras))
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield line
        else:
            if not requirement.specifier.contains(version, prereleases=True):
                yield f"{line} (has {version})"


def is_added() -> bool:
    """Whether truetpot is already installed here, editable, from this checkout."""
    try:
        origin = metadata.distribution("truetpot").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return False
    return origin is not None and json.loads(origin) == {
        "dir_info": {"editable": True},
        "url": ROOT.as_uri(),
    }


def main(*extras: str) -> int:
    if lacking := sorted(set(missing(list(extras)))):
        print(
            f"The environment of {sys.executable} lacks: {', '.join(lacking)}. "
            "Install them there; nothing was changed.",
            file=sys.stderr,
        )
        return 2
    if is_added():
        return 0
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--editable", str(ROOT)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
