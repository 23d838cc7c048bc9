"""Where kernels lie, and how a file of them is imported; nothing is imported before it is asked to.

Built in: ``truetpot.kernels.<op>.<provider>``. A user's: ``<dir>/*.py`` and ``<dir>/<op>/*.py``. An
installed package's: what its entry points of the group :data:`GROUP` name. A name that starts with
``_`` is no kernel's.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

GROUP = "truetpot.kernels"


class Source(NamedTuple):
    """Something to import: whose kernels it should hold, what it is called, and how."""

    op: str
    provider: str
    what: str
    load: Callable[[], Any]


def builtin() -> Iterator[Source]:
    """Every provider's file of every operator."""
    package = importlib.import_module("truetpot.kernels")
    for folder in pkgutil.iter_modules(package.__path__):
        if not folder.ispkg or folder.name.startswith("_"):
            continue
        name = f"{package.__name__}.{folder.name}"
        for file in pkgutil.iter_modules(importlib.import_module(name).__path__):
            if not file.name.startswith("_"):
                what = f"kernels/{folder.name}/{file.name}.py"
                load = partial(importlib.import_module, f"{name}.{file.name}")
                yield Source(folder.name, file.name, what, load)


def installed() -> Iterator[Source]:
    """The entry points. May raise what a broken package's metadata leads to."""
    for point in importlib.metadata.entry_points(group=GROUP):
        whose = "" if point.dist is None else f" of {point.dist.name}"
        what = f"the entry point {point.name} = {point.value}{whose}"
        yield Source("(entry point)", point.name, what, point.load)


def in_folder(root: Path) -> Iterator[Source]:
    """The files of a user's folder, sorted by path."""
    for path in sorted([*root.glob("[!_]*.py"), *root.glob("[!_]*/[!_]*.py")]):
        op = path.parent.name if path.parent != root else "(file)"
        yield Source(op, path.stem, str(path), partial(_load_file, path))


def _load_file(path: Path) -> None:
    if not path.is_file():  # of a pipe there is no end
        raise ImportError("it is no regular file")
    name = "truetpot_user_" + "_".join(path.resolve().with_suffix("").parts[1:])
    while name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(path):
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba and pickle look modules up by name
    spec.loader.exec_module(module)
