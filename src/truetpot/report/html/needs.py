"""What charts and pages need and truetpot does without: said before anything is measured."""

from __future__ import annotations

from importlib.util import find_spec

from truetpot.errors import UserError

PACKAGES = ("jinja2", "matplotlib")


def check_installed(option: str) -> None:
    """Raise UserError where a package is missing; ``option`` is what asked for it."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        raise UserError(f"{option} needs {names}: pip install 'truetpot[report]'.")
