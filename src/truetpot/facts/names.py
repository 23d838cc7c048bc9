"""Models and weight formats by the names that result files, GGUF files and servers give them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from truetpot.facts.architecture import Model
from truetpot.facts.mixes import all_mixes, file_bytes
from truetpot.facts.models import all_models
from truetpot.facts.tables import convert, read

SAME_SIZE = 0.02
"""Files of one model and format differ by less: in a few tensors, or in how qkv is kept."""

# A word of a format, such as q4, k and m of Q4_K_M, a digest or a number.
_WORD = re.compile(
    r"i?q\d|xxs|[a-z]{1,2}|\d{1,5}|[0-9a-f]{7,64}|a?sym|default|(fp|bf|int|f)\d\d?|\dbit"
)
_SHARD = re.compile(r"-\d{5}-of-\d{5}\b")
_GGUF = re.compile(
    r"\b(i?q\d)-(k|0|1|nl|xxs|xs|s|m)(?:-(xs|s|m|l|xl|xxl|small|medium|large))?(?![a-z0-9])"
)


@dataclass(frozen=True)
class Names:
    """What one model is called; see names.toml."""

    also: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    format: str | None = None


@dataclass(frozen=True)
class Dense:
    """How much of a file of an unknown model a step has to read; see names.toml."""

    architectures: tuple[str, ...]
    embedding_share: float


@cache
def names(model: str) -> Names:
    """The other names of a known model."""
    entry = read("names.toml")["names"].get(model, {})
    return convert(entry, Names, f"names.toml [names.{model}]")


@cache
def dense() -> Dense:
    """Architectures without experts, as ``names.toml`` lists them."""
    return convert(read("names.toml")["dense"], Dense, "names.toml [dense]")


def recognise_model(text: str, nbytes: int | None = None) -> Model | None:
    """The known model that a file's name for it means; None where that is none, or several.

    `text` is a hub name, a path, a GGUF file, an Ollama tag or llama-bench's `model_type`. `nbytes`
    are those of the weights, with the format in the text: they decide between the models that share
    a name of llama.cpp, and refuse it where none of them has that size.
    """
    for part in _parts(text):
        found = _by_name(part) or _by_type(part, recognise_format(text), nbytes)
        if len(found) == 1:
            return found[0]
        if found or not _is_nameless(part):
            return None
    return None


def recognise_format(text: str) -> str | None:
    """The weight format in a name, a key of formats.toml or mixes.toml; None where there is none.

    A name that stands for several formats, such as int4 without its blocks, is the smallest. A GGUF
    mix that is not in mixes.toml (Q4_K_XL) is None, whatever else the name has.
    """
    plain = _separated(text)
    if gguf := _GGUF.search(plain):
        kind, rest, size = gguf.groups()
        name = "_".join(filter(None, (kind, rest, (size or "")[:1] if rest == "k" else "")))
        if rest == "k" and size in ("xs", "xl", "xxl"):
            return None
        # llama.cpp writes "Q2_K - Medium", and Q6_K without a size
        name = {"q2_k_m": "q2_k"}.get(name, name)
        return name if name in all_mixes() else None
    is_gguf = "gguf" in text.lower() or "mxfp4-moe" in plain
    for words, name in _SPELLED:
        if re.search(rf"(?<![a-z0-9])({words})(?![a-z0-9])", plain):
            return "mxfp4_moe" if name == "mxfp4" and is_gguf else name
    return None


_SPELLED = (
    ("mxfp4", "mxfp4"),
    ("nvfp4", "nvfp4"),
    ("awq", "awq"),
    ("gptq.*(int8|8bit|w8a16)", "int8"),
    ("gptq.*(int4|4bit|w4a16)|w4a16", "gptq"),
    ("a?sym-int4-g128|int4-g128", "int4_g128"),
    ("asym-int4", "asym_int4"),
    ("sym-int4", "sym_int4"),
    ("woq-int4", "woq_int4"),
    ("sym-int8", "sym_int8"),
    ("nf4|bnb-4bit|int4|4bit|4-bit", "int4"),
    ("fp8-e5m2", "fp8_e5m2"),
    ("fp8(-e4m3(fn)?)?|float8|w8a8-fp8", "fp8"),
    ("int8|8bit|8-bit|w8a8|w8a16", "int8"),
    ("bf16|bfloat16", "bf16"),
    ("fp16|f16|float16|half", "fp16"),
    ("fp32|f32|float32", "fp32"),
)
"""Words in a name, in the order in which they are looked for, and the format they mean."""


def is_dense(text: str) -> bool:
    """Whether a name of llama.cpp, such as `glm4 32B Q4_K - Medium`, is of a model without experts.

    False as well where nothing tells: a size such as 8x7B or 30B.A3B, an unknown architecture.
    """
    first, _, rest = text.strip().partition(" ")
    size = rest.partition(" ")[0]
    whole = re.fullmatch(r"[\d.]+[BM]", size) is not None
    return first.lower() in dense().architectures and whole


def same_size(model: Model, format: str | None, nbytes: int) -> bool | None:
    """Whether a file of this format has about these bytes; None where the format is no mix."""
    mix = all_mixes().get(format or "")
    if mix is None:
        return None
    return abs(nbytes / file_bytes(model, mix) - 1) <= SAME_SIZE


def _is_nameless(part: str) -> bool:
    """Whether a part of a path names no model: `snapshots`, a digest, `ggml-model-q4_0.gguf`."""
    known = {*read("names.toml")["nameless"]["words"]}
    return all(word in known or _WORD.fullmatch(word) for word in _separated(part).split("-"))


def _by_name(part: str) -> list[Model]:
    plain = _joined(part).replace("mxfp4-moe", "mxfp4")
    if {*plain.split("-")} & {*read("names.toml")["not"]["words"]}:
        return []
    return [model for model in all_models().values() if _within(_own(model), plain)]


def _own(model: Model) -> list[str]:
    return [model.name, (model.hf or "").rpartition("/")[2], *names(model.name).also]


def _within(wanted: Iterable[str], plain: str) -> bool:
    return any(
        re.search(rf"(?<![a-z0-9.]){re.escape(_joined(name))}(?![a-z0-9.])", plain)
        for name in wanted
    )


def _by_type(part: str, format: str | None, nbytes: int | None) -> list[Model]:
    """By llama.cpp's name of the shape, which other models may share."""
    plain, found = _joined(part), []
    for model in all_models().values():
        known = names(model.name)
        sure, shared = _begins(known.types, plain), _begins(known.shared, plain)
        same = None if nbytes is None else same_size(model, format, nbytes)
        if (sure and same is not False) or (shared and same):
            found.append(model)
    return found


def _begins(wanted: Iterable[str], plain: str) -> bool:
    return any(re.match(rf"{re.escape(_joined(name))}(?![a-z0-9.])", plain) for name in wanted)


def _parts(text: str) -> list[str]:
    """The parts of a path from the last on."""
    return [part for part in reversed(re.split(r"[/\\]", text.strip())) if part.strip()]


def _separated(text: str) -> str:
    """Lower-case words with hyphens between: `Qwen3_8B.Q4_K - Medium` is qwen3-8b-q4-k-medium."""
    plain = _SHARD.sub("", text.lower().removesuffix(".gguf"))
    plain = re.sub(r"[^a-z0-9.]+|(?<!\d)\.|\.(?!\d)", "-", plain)
    return re.sub(r"-+", "-", plain).strip("-")


def _joined(text: str) -> str:
    """The same, a word and the number behind it as one: llama-3.1-8b is llama3.1-8b."""
    return re.sub(r"(?<![a-z0-9.])([a-z]+)-(?=\d)", r"\1", _separated(text))
