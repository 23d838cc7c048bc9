"""The linear layers of a decode step as one rank of a tensor-parallel group sees them."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.formats import format_facts

ROLES = ("qkv", "o", "gate_up", "down", "lm_head")
"""Of a dense model; a mixture of experts has a `router` before gate_up."""


@dataclass(frozen=True)
class Linear:
    """`count` layers y[n] = W[n, k] x[k] (+ bias[n]) of one role; q, k, v are one, gate and up one.

    On rank r of `tp`, qkv, gate_up and lm_head hold a slice of the rows (n), o and down a slice of
    the columns (k); a bias of o is added once, by rank 0.
    """

    role: str
    n: int
    k: int
    bias: bool
    count: int

    @property
    def weights(self) -> int:
        """Weights of one such layer, n x k."""
        return self.n * self.k


def linears(model: Model, tp: int = 1) -> tuple[Linear, ...]:
    """Shapes of one rank, in the order of the step: qkv, o, gate_up, down, lm_head.

    Of a mixture of experts the MLPs are those that one token goes through, which no batch can do
    without, each split over the ranks; every rank has the whole router.
    The vocabulary need not divide: each rank gets ceil(vocab / tp) rows, the last one padded. vLLM
    first rounds the vocabulary up to a multiple of 64, which changes none of the models known here.
    Where there are more ranks than kv heads, a rank has the one kv head that its query heads share.
    Raises UserError as `check_tp` does.
    """
    check_tp(model, tp)
    qkv = model.q_rows // tp + 2 * kv_heads_of_rank(model, tp) * model.head_dim
    wide = model.intermediate // tp
    head = -(-model.vocab // tp)
    experts, mlps = model.experts, model.layers * model.experts_used
    bias = experts is not None and experts.bias
    router = () if experts is None else (
        Linear("router", experts.count, model.hidden, bias, model.layers),
    )  # fmt: skip
    return (
        Linear("qkv", qkv, model.hidden, model.qkv_bias, model.layers),
        Linear("o", model.hidden, model.q_rows // tp, model.o_bias, model.layers),
        *router,
        Linear("gate_up", 2 * wide, model.hidden, bias, mlps),
        Linear("down", model.hidden, wide, bias, mlps),
        Linear("lm_head", head, model.hidden, False, 1),
    )


def kv_heads_of_rank(model: Model, tp: int) -> int:
    """Key/value heads of one rank: its share, or one that several ranks have a copy of."""
    return max(1, model.kv_heads // tp)


def check_tp(model: Model, tp: int, format: str | None = None) -> None:
    """Raise UserError unless `tp` splits the heads and the MLP of `model` evenly.

    The kv heads are split evenly too, or, where there are more ranks, each is copied evenly.

    With `format`, the K of every layer of a rank must be a multiple of the format's block as well:
    a block that two ranks would share has one scale, and no rank can own it.
    """
    if tp < 1:
        raise UserError(f"tp = {tp} is no tensor-parallel degree; give 1 or more.")
    parts = {
        "attention heads": model.heads,
        "kv heads": model.kv_heads,
        "intermediate size": model.intermediate,
    }
    for what, size in parts.items():
        copied = what == "kv heads" and tp % size == 0
        if size % tp and not copied:
            raise UserError(
                f"tp = {tp} does not divide the {size} {what} of {model.name}; "
                f"possible are {_listed(tensor_parallel_degrees(model))}."
            )
    if format is None:
        return
    facts = format_facts(format)
    for role, k in (("o", model.q_rows), ("down", model.intermediate), ("qkv", model.hidden)):
        share = k if role == "qkv" else k // tp
        if share % facts.k_multiple:
            degrees = tensor_parallel_degrees(model)
            fitting = [t for t in degrees if _fits(model, t, facts.k_multiple)]
            advice = f"with {format} possible are {_listed(fitting)}" if fitting else "none fits"
            raise UserError(
                f"{model.name} at tp = {tp}: {role} has K = {share} per rank, which is no multiple "
                f"of the {facts.k_multiple}-element blocks of {format}; {advice}."
            )


def tensor_parallel_degrees(model: Model) -> tuple[int, ...]:
    """Every tp that splits the heads and MLP evenly, and splits or copies the kv heads so."""
    return tuple(
        tp
        for tp in range(1, model.heads + 1)
        if not (model.heads % tp or model.intermediate % tp)
        and (model.kv_heads % tp == 0 or tp % model.kv_heads == 0)
    )


def _fits(model: Model, tp: int, multiple: int) -> bool:
    ks = (model.hidden, model.q_rows // tp, model.intermediate // tp)
    return not any(k % multiple for k in ks)


def _listed(degrees: tuple[int, ...] | list[int]) -> str:
    return "tp = " + ", ".join(map(str, degrees))
