"""The record of ``truetpot isa FILE``: kernels of other people's device images, counted."""

from __future__ import annotations

from typing import Literal

from truetpot.records.isa import Failure, Inspection, OclocRow
from truetpot.records.numbers import Count, Words
from truetpot.records.opening import Named, Part


class PackageRow(Part, frozen=True, kw_only=True):
    """One file of a package that was read."""

    file: str
    licence: str
    """As its METADATA says it; of a library alone that none was found."""
    kernels: Count
    """In its images, a target each."""


class ImagesRecord(Named, frozen=True, kw_only=True):
    """`truetpot isa FILE --json`: no device is asked."""

    kind: Literal["images"] = "images"
    started: str
    """UTC."""
    command: str
    """The command that repeats it."""
    truetpot: str
    """Version."""
    ocloc: OclocRow
    packages: list[PackageRow]
    kernels: list[Inspection]
    """`op` is `image`, `provider` the package, `variant` the library in it, `case` the shape that
    it is held against."""
    ours: list[Inspection]
    """Our kernels for the same shape and targets, with `--op`."""
    failed: list[Failure]
    left_out: Words
    """Libraries and kernels that were not read, and why."""
