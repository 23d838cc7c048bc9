"""What llama.cpp prints of the model when it loads it, for whatever was saved with it.

ggml-org/llama.cpp at 0104b151c: ``src/llama-model-loader.cpp`` and ``llama_model::print_info`` of
``src/llama-model.cpp`` (before 2025 ``llm_load_print_meta``), ``src/llama-kv-cache.cpp``,
``common/common.cpp`` (``build:``), ``tools/server/server-context.cpp`` (``loading model``).
"""

from __future__ import annotations

import re
from typing import Any, TypedDict

from truetpot.serving.readers.llama_devices import devices
from truetpot.serving.readers.source import Source

_FILE = re.compile(rb"and \d{1,6} tensors from ([^\n]{1,300}?) \(version")
_SERVED = re.compile(rb"loading model '([^'\n]{1,300})'")
_BYTES = re.compile(rb"(?:file|model) size {1,10}= (\d{1,6}\.\d\d) ([GM])iB \(\d")
_FORMAT = re.compile(rb"(?:file type|model ftype) {1,10}= ([^\n]{1,40})")
_CACHE = re.compile(rb"\bK \((\w{2,8})\): [^\n]{1,30}, V \((\w{2,8})\):")
_BUILD = re.compile(rb"\bbuild(?:_info)?(?: =|:) b?(\d{1,9})(?:-| \()(\w{1,40})")
_ON_CPU = re.compile(rb"offloaded 0/\d{1,6} layers to GPU")
_UNIT = {b"G": 1 << 30, b"M": 1 << 20}


class Loaded(TypedDict):
    """Arguments of a Setting; None for what was not printed."""

    model: str | None
    model_bytes: int | None
    weight_format: str | None
    tool_version: str | None
    device: str | None
    devices: int | None
    kv_format: str | None


def loaded(source: Source) -> Loaded:
    """Of the first model that was loaded: a second one drafts. No card where it holds no layer."""
    size, build = _BYTES.search(source.map), _BUILD.search(source.map)
    device, cards = (None, None) if _ON_CPU.search(source.map) else devices(source)
    return Loaded(
        model=_text(_FILE.search(source.map) or _SERVED.search(source.map)),
        model_bytes=round(float(size[1]) * _UNIT[size[2]]) if size else None,
        weight_format=_text(_FORMAT.search(source.map)),
        tool_version=f"build {int(build[1])} ({_text(build, 2)})" if build else None,
        device=device,
        devices=cards,
        kv_format=_cache(_CACHE.search(source.map)),
    )


def _cache(match: Any) -> str | None:
    keys, values = _text(match), _text(match, 2)
    return keys if keys == values else f"{keys}/{values}"


def _text(match: Any, group: int = 1) -> str | None:
    return match[group].decode("utf-8", "replace").strip() or None if match else None
