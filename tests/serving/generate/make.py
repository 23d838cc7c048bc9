"""One file with its truth: every shape and every mechanism that there is."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from zlib import crc32

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Served, Truth
from tests.serving.generate.shape import Load, Shape
from tests.serving.generate.simulate import scenario, serve

_PACKAGE = "tests.serving.generate"


@dataclass(frozen=True)
class Made:
    """A file and what is true of the run."""

    shape: str
    name: str
    """As the tool names it."""
    data: bytes
    truth: Truth
    served: Served


@cache
def shapes() -> dict[str, Shape]:
    """Every form of file."""
    return {name: shape for module in _modules("tools") for name, shape in module.SHAPES.items()}


@cache
def mechanisms() -> dict[str, Mechanism]:
    """Every mechanism, ``clean`` among them."""
    return {module.MECHANISM.name: module.MECHANISM for module in _modules("mechanisms")}


def shown_by(mechanism: str) -> tuple[str, ...]:
    """The shapes that can show it; those of one load, which are written of one run, together."""
    named = mechanisms()[mechanism].shapes
    some = tuple(shapes()) if named == ("*",) else named
    return tuple(sorted(some, key=lambda shape: shapes()[shape].load.value))


def make(shape: str, mechanism: str = "clean", seed: int = 0) -> Made:
    """One file. A seed gives the same run in every shape of the same load."""
    kind = shapes()[shape]
    served = run(mechanism, kind.load, seed)
    return Made(shape, kind.file, kind.write(served), served.truth(mechanism), served)


@lru_cache(maxsize=512)
def run(mechanism: str, load: Load, seed: int) -> Served:
    """What is written. To simulate it takes longer than to check it, so some hundred are kept."""
    kind = mechanisms()[mechanism]
    random = np.random.default_rng([seed, crc32(mechanism.encode())])
    asked = load.of(kind.ask(scenario(random), random))
    return kind.apply(serve(asked, random), random)


def _modules(package: str):
    parent = import_module(f"{_PACKAGE}.{package}")
    names = sorted(module.name for module in pkgutil.iter_modules(parent.__path__))
    return [import_module(f"{_PACKAGE}.{package}.{name}") for name in names]
