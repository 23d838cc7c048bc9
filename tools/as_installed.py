"""Run a checker on the package as it is once installed: `as_installed.py lint-imports`.

import-linter and mypy look for files, and in the checkout kernels/ is not where truetpot.kernels
would be: without help they leave the kernels out and report success. So they are shown a tree of
links in which it is.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _in_checkout(path: re.Match[str]) -> str:
    return path[1] or "src/truetpot/"


def main(tool: str, *args: str) -> int:
    # Inside the checkout, so that printed paths are short; git ignores `.lint-*`.
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".lint-") as tree:
        package = Path(tree, "truetpot")
        package.mkdir()
        for source in [*(ROOT / "src" / "truetpot").iterdir(), ROOT / "kernels"]:
            (package / source.name).symlink_to(source)
        done = subprocess.run(
            [Path(sys.executable).with_name(tool), *args],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": tree, "MYPYPATH": tree},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    # Any tree's name, not only this one's: mypy repeats what it found in an earlier one.
    shown = re.sub(r"\.lint-\w+/truetpot/(kernels/)?", _in_checkout, done.stdout)
    print(shown.strip())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
