"""The cards that llama.cpp's backends name on stderr, for whatever was saved with it.

ggml-org/llama.cpp at 0104b151c: ``ggml/src/ggml-sycl/ggml-sycl.cpp`` (a table with a row a device),
``ggml/src/ggml-vulkan/ggml-vulkan.cpp`` (``ggml_vulkan: 0 = name (driver) | uma: ...``),
``ggml/src/ggml-cuda/ggml-cuda.cu`` (``Device 0: name, compute capability``), and ``src/llama.cpp``
(``using device SYCL0 (name)``) of those that a model is loaded to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from truetpot.serving.readers.source import Source

_USED = re.compile(rb"using device (?P<id>\w{1,20}) \((?P<name>[^\n]{1,120}?)\) (?:\(|- )")
_LISTED = {
    "SYCL": re.compile(
        rb"\| *(?P<id>\d{1,3})\| *\[?\w{1,40}:gpu:\d{1,3}\]? *\| *(?P<name>[^|\n]{1,120}?) *\|"
    ),
    "Vulkan": re.compile(
        rb"(?:ggml_vulkan: |Vulkan)(?P<id>\d{1,3})(?: =|:) (?P<name>[^|\n]{1,120}?)"
        rb"(?: \([^()\n]*\))? \| (?:uma|fp16)"
    ),
    "CUDA": re.compile(rb"Device (?P<id>\d{1,3}): (?P<name>[^,\n]{1,120}), (?:compute cap|gfx)"),
}


def devices(source: Source) -> tuple[str | None, int | None]:
    """The card and how many of it; several names with commas between and no number where they
    differ, for then the file does not say which of them worked. None where none is named."""
    if names := _names(source, _USED):
        return summed(names)
    lists = [names for pattern in _LISTED.values() if (names := _names(source, pattern))]
    return summed(lists[0]) if len(lists) == 1 else (None, None)


def summed(names: Sequence[str]) -> tuple[str | None, int | None]:
    """Name and number of cards, from a list of their names."""
    different = list(dict.fromkeys(names))
    return ", ".join(different) or None, len(names) if len(different) == 1 else None


def _names(source: Source, pattern: re.Pattern[bytes]) -> list[str]:
    """By the number that the backend gives a device: each list is printed more than once."""
    found = {match["id"]: match["name"] for match in pattern.finditer(source.written)}
    return [name.decode("utf-8", "replace") for name in found.values()]
