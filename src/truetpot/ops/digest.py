"""A digest of all that a kernel is made of: what was measured of it holds while that stays.

A kernel is made of the file it is in, of the modules that this imports, and they, and so on, and of
the files that these name, such as OpenCL sources, with what those include. Libraries do not count,
as their versions are told beside the digest; nor does truetpot, but for its kernels and for what
makes instructions of them.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from truetpot.files import MOST_BYTES
from truetpot.ops.code import code

OF_KERNELS = ("truetpot.kernels", "truetpot.runtime.simd", "truetpot.runtime.opencl.build")
_INSTALLED = {"site-packages", "dist-packages"}
_STDLIB = Path(sysconfig.get_path("stdlib"))
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"\n]+)"', re.MULTILINE)
_FILE = re.compile(r"[\w./*+-]*\.\w+")
"""A file's name in a module, with ``*`` for what is put in when it runs."""


def digest(kernel: type[Any]) -> str:
    """16 digits of the SHA-256 of every file of :func:`made_of`, wherever they lie.

    Comments and docstrings of Python do not count: what they say changes no measurement.
    """
    whole = hashlib.sha256()
    for content in sorted(hashlib.sha256(_counting(path)).digest() for path in made_of(kernel)):
        whole.update(content)
    return whole.hexdigest()[:16]


@cache
def digest_once(kernel: type[Any]) -> str:
    """The same, of the files as they are when it is first asked for: that is what was loaded."""
    return digest(kernel)


def made_of(kernel: type[Any]) -> list[Path]:
    """The files that a kernel is made of, sorted; :mod:`.digest` says which count."""
    own = kernel.__module__.partition(".")[0]
    modules = {kernel.__module__: Path(kernel.source)}
    modules |= _found((one.__module__ for one in kernel.__mro__), own, modules)
    rest, files = [*modules], set[Path]()
    while rest:
        name = rest.pop()
        file = modules[name]
        files.add(file)
        try:
            tree = ast.parse(_content(file))
        except (OSError, SyntaxError, ValueError):  # changed since it was imported
            continue
        new = _found(_imports(tree, name, file), own, modules)
        modules |= new
        rest += new
        for path in _named(tree, file.parent):
            files |= _with_includes(path, files)
    return sorted({path.resolve() for path in files if path.is_file()})


def _found(names: Iterable[str], own: str, known: Mapping[str, Path]) -> dict[str, Path]:
    """Those that are modules which count and are not known yet, with their files."""
    new = (name for name in dict.fromkeys(names) if name not in known)
    return {name: file for name in new if (file := _counted(name, own)) is not None}


def _counted(name: str, own: str) -> Path | None:
    """A module's file, if it is one that a kernel of the package ``own`` can be made of."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or (top == "truetpot" and not _of_kernels(name)):
        return None
    if top not in (own, "truetpot"):  # of a library not even what is above a module is imported
        root = _file(top)
        if root is None or _INSTALLED & {*root.parts} or root.is_relative_to(_STDLIB):
            return None
    return _file(name)


def _of_kernels(name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in OF_KERNELS)


def _file(name: str) -> Path | None:
    """The Python source of a module, imported or not; None where there is none."""
    try:
        module = sys.modules.get(name)
        spec = None if module is not None else importlib.util.find_spec(name)
    except (Exception, SystemExit):  # noqa: BLE001
        # a name in a module and no module; or what a package raises on the way to one
        return None
    path = getattr(module, "__file__", None) or getattr(spec, "origin", None)
    return Path(path) if path and path.endswith(".py") and Path(path).is_file() else None


def _imports(tree: ast.Module, name: str, file: Path) -> Iterator[str]:
    """Names of the modules that one imports anywhere in it; some are of what modules hold."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *base.split(".")]).rstrip(".")
            yield from _with_parents(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: i + 1]) for i in range(len(parts)))


def _named(tree: ast.Module, folder: Path) -> Iterator[Path]:
    """Files beside a module, or under ``kernels/``, whose names are in its text."""
    folders = [folder, *_kernels()]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else "*" for one in node.values)
            name = "".join(map(str, parts))
        else:
            continue
        if not _FILE.fullmatch(name) or name.startswith("/"):
            continue
        if "*" in name or name.startswith("."):  # put together: every file that it could be
            yield from (one for one in folder.glob(f"*{name}".replace("**", "*")) if one.is_file())
        else:
            yield from (one for where in folders if (one := where / name).is_file())


def _kernels() -> list[Path]:
    spec = importlib.util.find_spec("truetpot.kernels")
    return [Path(one) for one in (spec and spec.submodule_search_locations) or ()]


def _with_includes(path: Path, known: set[Path]) -> set[Path]:
    """The file and what it includes by name, from beside it or from what kernels share."""
    found, rest = set[Path](), [path]
    shared = [folder / "_lib/opencl/include" for folder in _kernels()]
    while rest:
        path = rest.pop()
        if path in found or path in known:
            continue
        found.add(path)
        if path.suffix != ".py":
            text = _content(path).decode("utf-8", "replace")
            for name in _INCLUDE.findall(text):
                candidates = (folder / name for folder in (path.parent, *shared))
                rest += [one for one in candidates if one.is_file()][:1]
    return found


def _counting(path: Path) -> bytes:
    content = _content(path)
    return code(content) if path.suffix == ".py" else content


def _content(path: Path) -> bytes:
    """Of a file too large to be a source: its size and time, which change with it."""
    about = path.stat()
    if about.st_size > MOST_BYTES:
        return f"{about.st_size} {about.st_mtime_ns}".encode()
    return path.read_bytes()
