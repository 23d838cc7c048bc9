"""Every kernel of a package's images that was asked for, compiled where needed, and counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import structs

from truetpot.errors import UserError
from truetpot.facts.issue_rates import all_issue_rates
from truetpot.isa.images import elf
from truetpot.isa.images.containers import CompressedError, Found, images
from truetpot.isa.images.inspection import Shape, Where, inspect_image
from truetpot.isa.images.names import demangled
from truetpot.isa.images.package import Package, open_package
from truetpot.isa.images.target import kernels_of, target_of
from truetpot.isa.ocloc import CompileError, Ocloc
from truetpot.records.isa import Failure, Inspection, Listing
from truetpot.text import escaped

LONGEST = 200
"""Characters of a section's name that is kept: a file is named after it."""


@dataclass(frozen=True)
class Wish:
    """Which kernels of a package are looked at, and for which targets."""

    words: tuple[str, ...] = ()
    """All in the kernel's name, mangled or not, or in the library's."""
    targets: tuple[str, ...] = ()
    """For which SPIR-V is compiled, and of which images are read; of images all that are known."""


@dataclass
class Surveyed:
    """What was found in a package, and what was left out of it."""

    package: Package
    kernels: list[Inspection] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    names: int = 0
    """Kernels in the package, a target each."""


@dataclass(frozen=True)
class _Part:
    """An image with the kernels of it that are wanted."""

    library: str
    image: Found
    target: str
    kernels: tuple[str, ...]


def survey_package(
    path: Path,
    wish: Wish,
    ocloc: Ocloc,
    shape: Shape | None,
    advance: Callable[[float, float], None],
) -> Surveyed:
    """Every wanted kernel. Raises UserError for a package that is not read, or has no image."""
    package, libraries = open_package(path)
    done = Surveyed(package)
    parts = _readable(list(_parts(libraries, wish, done)), ocloc, done)
    done.left_out |= package.refused
    if not done.names and not done.left_out:
        raise UserError(
            f"{package.name} has no device image of an Intel GPU; give a library or wheel that has."
        )
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            futures = [pool.submit(_one, part, package.name, ocloc, shape) for part in parts]
            for number, future in enumerate(futures, 1):
                rows, failed = future.result()
                done.kernels += rows
                done.failed += failed
                advance(number, len(parts))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done


def _parts(libraries: Iterator[tuple[str, bytes]], wish: Wish, done: Surveyed) -> Iterator[_Part]:
    """Each kernel once a target: archives hold the same under several names of one GPU."""
    seen: set[tuple[str, str, str]] = set()
    unknown: dict[str, int] = {}
    for library, data in libraries:
        try:
            for image in images(data):
                names = kernels_of(image)
                done.names += len(names)
                known = target_of(image)
                if known not in all_issue_rates() and not image.spirv:
                    unknown[image.target] = unknown.get(image.target, 0) + len(names)
                    continue
                for target in wish.targets if known is None else (known,):
                    if wish.targets and target not in wish.targets:
                        continue
                    new = [n for n in names if (library, target, n) not in seen]
                    seen.update((library, target, n) for n in new)
                    if wanted := tuple(n for n in new if _wanted(n, library, wish.words)):
                        yield _Part(library, image, target, wanted)
                if image.spirv and not wish.targets:
                    done.left_out[library] = "SPIR-V: name what to compile it for with --target"
        except CompressedError:
            done.left_out[library] = "compressed images: pip install 'truetpot[isa]'"
    for target, count in unknown.items():
        what = escaped(target) or "no GPU that they name"
        done.left_out[f"{_counted(count)} for {what}"] = "no target that is known here"


def _readable(parts: list[_Part], ocloc: Ocloc, done: Surveyed) -> list[_Part]:
    """Those for a target that this disassembler knows: it is asked with the first image of each."""
    refused: dict[str, str | None] = {}
    for part in parts:
        if part.target not in refused and not part.image.spirv:
            refused[part.target] = _refusal(part, ocloc)
    for target, reason in refused.items():
        if reason is not None:
            mine = [one for one in parts if one.target == target and not one.image.spirv]
            count = sum(len(one.kernels) for one in mine)
            done.left_out[f"{_counted(count)} for {target}"] = (
                f"{reason} Name a newer with --ocloc."
            )
    return [one for one in parts if one.image.spirv or refused[one.target] is None]


def _refusal(part: _Part, ocloc: Ocloc) -> str | None:
    try:
        _listings(part, part.image.content, ocloc)
    except (UserError, ValueError) as error:
        return str(error)
    return None


def _listings(
    part: _Part, content: bytes, ocloc: Ocloc
) -> tuple[dict[str, Listing], dict[str, str]]:
    """Listings by the name that the disassembler was given, and that name's own."""
    content, renamed = elf.shortened(content, LONGEST)
    asked = {name: name for name in part.kernels if name not in renamed.values()}
    asked |= {new: old for new, old in renamed.items() if old in part.kernels}
    return ocloc.disassemble(content, part.target, list(asked)), asked


def _wanted(kernel: str, library: str, words: Sequence[str]) -> bool:
    text = f"{kernel} {library}"
    return all(word in text for word in words)


def _one(
    part: _Part, package: str, ocloc: Ocloc, shape: Shape | None
) -> tuple[list[Inspection], list[Failure]]:
    content = part.image.content
    if part.image.spirv:
        try:
            content = ocloc.from_spirv(content, part.target)
        except CompileError as error:
            return [], [_failure(part, name, package, str(error)) for name in part.kernels]
    try:
        listings, asked = _listings(part, content, ocloc)
    except (UserError, ValueError) as error:
        return [], [_failure(part, name, package, str(error)) for name in part.kernels]
    rows, failed = [], []
    readable = demangled(part.kernels)
    for new, name in asked.items():
        where = Where(package, part.library, name, part.target)
        if new not in listings:
            failed.append(_failure(part, name, package, "the disassembler leaves it out"))
            continue
        try:
            row = inspect_image(where, listings[new], all_issue_rates()[part.target], shape)
        except UserError as error:
            failed.append(_failure(part, name, package, str(error)))
        else:
            rows.append(structs.replace(row, name=escaped(readable[name])))
    return rows, failed


def _failure(part: _Part, kernel: str, package: str, reason: str) -> Failure:
    return Failure(
        op="image",
        provider=package,
        name=escaped(kernel),
        variant=part.library,
        target=part.target,
        case="",
        reason=reason,
    )


def _counted(count: int) -> str:
    return "1 kernel" if count == 1 else f"{count} kernels"
