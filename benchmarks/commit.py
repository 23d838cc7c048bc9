"""Is what is imported the commit that ASV will store the results under?

Environments that ASV builds hold the commit that it has installed there. In one that it finds
(``--python=same``, ``asv.xpu.conf.json``) it measures whatever is imported and stores that under
the name that ``--set-commit-hash`` gives. ASV tells a benchmark nothing of that name: it is read
from the command line of the ``asv`` that has started this process.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil
import truetpot.kernels

import truetpot
from truetpot.errors import UserError

ROOT = Path(__file__).parents[1]
OPTION = "--set-commit-hash"
SHORTEST = "--se"
"""Options may be cut short as long as they are unique."""
IN_COMMIT = ("src/truetpot", "kernels")


def check_commit() -> None:
    """Raise UserError where results are to be stored under a commit that is not what is imported.

    What is imported may lie anywhere, as the files are compared: a checkout, or an installation.
    """
    name = named([arguments for process in _ancestors() if (arguments := _arguments(process))])
    if name is None:
        return
    commit = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    wanted = _of_commit(commit)
    imported = _of_package()
    differ = sorted(
        file for file in wanted.keys() | imported.keys() if wanted.get(file) != imported.get(file)
    )
    if differ:
        more = f" and {len(differ) - 1} more" if len(differ) > 1 else ""
        where = Path(truetpot.__file__).parent
        raise UserError(
            f"{OPTION} {name} is not what is measured: the package imported from {where} differs "
            f"from that commit in {differ[0]}{more}. Check that commit out, without changes, and "
            "install it here; or name the commit that is."
        )


def named(lines: Sequence[Sequence[str]]) -> str | None:
    """The commit that a command line of asv among these names; None if none does."""
    for line in lines:
        if not any(Path(word).stem == "asv" for word in line):  # asv, python -m asv
            continue
        for index, word in enumerate(line):
            option, equals, value = word.partition("=")
            if option.startswith(SHORTEST) and OPTION.startswith(option):
                return value if equals else next(iter(line[index + 1 :]), None)
    return None


def _ancestors() -> list[psutil.Process]:
    try:
        return psutil.Process().parents()
    except (psutil.Error, OSError):
        return []


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []


def _of_commit(commit: str) -> dict[str, str]:
    """Content by file of the package in a commit, as git names contents."""
    found = {}
    for line in _git("ls-tree", "-r", "-z", commit, "--", *IN_COMMIT).split("\0"):
        about, _, path = line.partition("\t")
        if about:
            found[path] = about.split()[2]
    return found


def _of_package() -> dict[str, str]:
    """The same of what is imported here; files that were made in running are left out."""
    folders = dict(zip(IN_COMMIT, (truetpot, truetpot.kernels), strict=True))
    files = {}
    for name, module in folders.items():
        folder = Path(module.__path__[0])
        for path in folder.rglob("*"):
            inside = path.relative_to(folder)
            ours = name == "kernels" or inside.parts[0] != "kernels"  # as it is installed
            if ours and path.is_file() and "__pycache__" not in inside.parts:
                files[f"{name}/{inside.as_posix()}"] = path
    hashes = _git("hash-object", "--stdin-paths", given="\n".join(map(str, files.values())))
    return dict(zip(files, hashes.split(), strict=True))


def _git(*words: str, given: str | None = None) -> str:
    """What git says in the checkout of the benchmarks. Raises UserError where it refuses."""
    try:
        command = ["git", "-C", str(ROOT), *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(
            f"git {words[0]} fails in {ROOT} ({error}), so nothing can be stored under a commit."
        ) from error
    return done.stdout.strip("\n")
