"""Weight formats that keep some tensors in another type: GGUF files, AWQ, GPTQ, MXFP4."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.formats import all_formats, format_facts, storage
from truetpot.facts.shapes import Linear, kv_heads_of_rank, linears
from truetpot.facts.tables import convert, read
from truetpot.text import meant

VECTOR_BYTES = 4
"""GGUF keeps norms and biases in fp32."""


@dataclass(frozen=True)
class Rule:
    """Tensors of some layers that have a type of their own; see mixes.toml for the fields."""

    tensors: tuple[str, ...]
    type: str
    layers: str = "all"
    group: int = 1
    experts: int | None = None
    depth: int | None = None

    def fits(self, model: Model, tensor: str, layer: int) -> bool:
        """Whether it is about this tensor of this layer of a model."""
        return (
            tensor in self.tensors
            and model.group >= self.group
            and self.experts in (None, model.experts.count if model.experts else 0)
            and self.depth in (None, model.layers)
            and _chosen(self.layers, layer, model.layers)
        )


@dataclass(frozen=True)
class Mix:
    """Which type each tensor of a model has; see mixes.toml for the fields."""

    name: str
    base: str
    output: str
    source: str
    router: str = "fp32"
    embedding: str | None = None
    rules: tuple[Rule, ...] = ()

    def type_of(self, model: Model, tensor: str, layer: int) -> str:
        """The type of one matrix: a key of formats.toml."""
        if tensor == "router":
            return self.router
        if tensor in ("lm_head", "embedding"):
            is_output = tensor == "lm_head" or model.tied
            wanted = self.output if is_output else self.embedding or self.base
        else:
            fitting = (rule.type for rule in self.rules if rule.fits(model, tensor, layer))
            wanted = next(fitting, self.base)
        return _fallback(wanted, _columns(model, tensor))


@cache
def all_mixes() -> dict[str, Mix]:
    """Every mix of mixes.toml by name."""
    return {
        name: convert({"name": name, **entry}, Mix, f"mixes.toml [{name}]")
        for name, entry in read("mixes.toml").items()
        if name != "fallback"
    }


def known_formats() -> tuple[str, ...]:
    """Names that a model's weights can be counted in: plain formats, then mixes."""
    plain = (name for name in all_formats() if not name.startswith("ggml_"))
    return (*plain, *all_mixes())


def check_format(name: str) -> None:
    """Raise UserError for a weight format that is not known; ggml_ ones are parts of mixes."""
    if name not in known_formats() and not name.startswith("ggml_"):
        known = ", ".join(known_formats())
        near = meant(name, known_formats())
        raise UserError(f"unknown weight format {name!r}{near}; known are {known}.")


@dataclass(frozen=True)
class Stored:
    """Matrices of one rank that are alike, and the bytes of one of them."""

    linear: Linear
    format: str
    codes: int
    scales: int


@cache
def stored(model: Model, tp: int, mix: Mix) -> tuple[Stored, ...]:
    """The linear layers of one rank by tensor and type, in the order of the step.

    q, k and v are apart, as they differ in type. A rank has its share of the whole matrix's bytes,
    rounded down: whoever splits a block between two ranks has more.
    """
    found = []
    for whole in linears(model, tp):
        for part in _tensors(model, tp, whole):
            columns = _columns(model, part.role)
            for name, count in _counted(model, mix, part).items():
                codes, scales, _ = storage(name, part.n, columns)
                found.append(
                    Stored(
                        replace(part, count=count),
                        name,
                        codes * part.k // columns,
                        scales * part.k // columns,
                    )
                )
    return tuple(found)


def file_bytes(model: Model, mix: Mix) -> int:
    """Bytes of all tensors of a GGUF file of a model, as llama-bench calls them: `model_size`.

    Every expert and the embedding count; norms and biases are fp32. What a file adds (rotary
    frequencies, padding, its header) is below a thousandth.
    """
    matrices = sum((s.codes + s.scales) * s.linear.count for s in stored(model, 1, mix))
    vectors = (model.norm_elements() + model.bias_elements()) * VECTOR_BYTES
    table = 0 if model.tied else embedding_bytes(model, mix)
    return matrices + idle_bytes(model, 1, mix) + table + vectors


def embedding_bytes(model: Model, mix: Mix) -> int:
    """Bytes of the embedding table."""
    codes, scales, _ = storage(mix.type_of(model, "embedding", 0), model.vocab, model.hidden)
    return codes + scales


def idle_bytes(model: Model, tp: int, mix: Mix) -> int:
    """Bytes of the experts that one token does not go through; 0 of a dense model."""
    if model.experts is None:
        return 0
    used = sum(
        (s.codes + s.scales) * s.linear.count
        for s in stored(model, tp, mix)
        if s.linear.role in ("gate_up", "down")
    )
    return used * (model.experts.count - model.experts.used) // model.experts.used


def _tensors(model: Model, tp: int, whole: Linear) -> list[Linear]:
    if whole.role != "qkv":
        return [whole]
    kv = kv_heads_of_rank(model, tp) * model.head_dim
    rows = {"q": whole.n - 2 * kv, "k": kv, "v": kv}
    return [replace(whole, role=role, n=n) for role, n in rows.items()]


def _counted(model: Model, mix: Mix, part: Linear) -> Counter[str]:
    if part.count == 1:
        return Counter([mix.type_of(model, part.role, 0)])
    types = Counter(mix.type_of(model, part.role, layer) for layer in range(model.layers))
    each = part.count // model.layers
    return Counter({name: number * each for name, number in types.items()})


def _columns(model: Model, tensor: str) -> int:
    return {"o": model.q_rows, "down": model.intermediate}.get(tensor, model.hidden)


def _fallback(wanted: str, columns: int) -> str:
    if columns % format_facts(wanted).k_multiple == 0:
        return wanted
    other: str = read("mixes.toml")["fallback"].get(wanted, "fp16")
    return other if columns % format_facts(other).k_multiple == 0 else "fp16"


def _chosen(layers: str, layer: int, depth: int) -> bool:
    eighth = depth // 8
    match layers:
        case "all":
            return True
        case "more":
            ends = layer < eighth or layer >= 7 * depth // 8
            return ends or (layer - eighth) % 3 == 2
        case "eighth" | "sixteenth":
            return layer < depth // {"eighth": 8, "sixteenth": 16}[layers]
        case "first2" | "first4":
            return layer < int(layers[-1])
    raise ValueError(f"mixes.toml: layers = {layers!r} is none of the ways to choose layers")
