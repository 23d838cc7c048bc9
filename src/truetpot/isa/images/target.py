"""What an image was compiled for, by what it says itself and by its name in a fat archive."""

from __future__ import annotations

import re

from truetpot.isa.images import elf, spirv
from truetpot.isa.images.containers import Found
from truetpot.runtime.opencl.target import target_of_ip

_PRODUCT, _IP = 1, 6
"""Types of the notes of a zebin: the product family, and the version of its GPU."""
_FAMILIES = {1270: "acm-g10", 1271: "pvc", 1274: "bmg-g21"}
"""PRODUCT_FAMILY of Intel's drivers (igfxfmid.h), which is all that older compilers write."""
_SHARED = "Intel_Symbol_Table_Void_Program"
"""Code that is no kernel's."""
_NAMED = re.compile(r"^(?:64\.)?(\d+)\.(\d+)\.(\d+)$")


def target_of(image: Found) -> str | None:
    """ocloc's name of the target; None for SPIR-V and for what is not known here."""
    if image.spirv:
        return None
    try:
        said = elf.notes(image.content)
    except ValueError:
        return None
    if _IP in said and (found := target_of_ip(said[_IP])):
        return found
    if named := _NAMED.match(image.target):
        arch, release, revision = map(int, named.groups())
        return target_of_ip(arch << 22 | release << 14 | revision)
    return None if _IP in said else _FAMILIES.get(said.get(_PRODUCT, 0))


def kernels_of(image: Found) -> tuple[str, ...]:
    """Names of its kernels, in its order, mangled as they are."""
    if image.spirv:
        found = spirv.module(image.content)
        return () if found is None else found[1]
    try:
        names = [one.name for one in elf.sections(image.content)]
    except ValueError:
        return ()
    texts = (name.removeprefix(elf.TEXT) for name in names if name.startswith(elf.TEXT))
    return tuple(name for name in texts if name != _SHARED)
