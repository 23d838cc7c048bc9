"""The decode step, of one or several query tokens, as a straight-line program over named values.

A model family has a layer of LAYERS, `pre_norm` or `post_norm`: reading it, and `decode_program`
around it, is reading the model. Values are strings, each written
once, with one exception: `hidden` is the residual stream, which every norm but the first adds to in
place. The same step can be written with those sums as calls of their own (`apart`), each a new
value: another choice of what can be fused with what. Parameters are :class:`Parameter` references,
so that the program has no arrays in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from truetpot import ops
from truetpot.errors import UserError
from truetpot.facts.families import all_families
from truetpot.facts.models import Model, check_decoded, check_tp, kv_heads_of_rank, linears
from truetpot.facts.workload import Workload


@dataclass(frozen=True)
class Parameter:
    """Something resident that the program refers to: ``layers.3.qkv.weight``, ``layers.3.k_cache``.

    `kind` is ``weight`` (a linear's, in the layout of the kernel that uses it), ``vector`` (a norm
    or bias [n]), ``table`` (the embedding [vocab, hidden]) or ``cache`` (`name` is k_cache or
    v_cache).
    """

    kind: str
    name: str
    layer: int | None = None

    def __str__(self) -> str:
        """The path as people write it."""
        where = "" if self.layer is None else f"layers.{self.layer}."
        return where + self.name + (".weight" if self.kind == "weight" else "")


Arg = str | Parameter | None

INPUTS = ("ids", "positions", "lengths", "max_length", "cos_sin", "block_table")
"""Values that exist before the first call. ids int64 [rows], positions int32 [rows], lengths int32
[batch], max_length int on the host, cos_sin float32 [tokens, head_dim], block_table int32 or None.
"""


@dataclass(frozen=True)
class Call:
    """One operator with its arguments by input name; `outputs` are in the order of its returns."""

    op: ops.Operator
    case: ops.Case
    role: str
    layer: int | None
    args: Mapping[str, Arg]
    outputs: tuple[str, ...]
    flatten: tuple[str, ...] = ()
    """Inputs to view as [rows, -1]: attention leaves heads apart, o wants them side by side."""

    def __str__(self) -> str:
        """``o.3 = linear(x=attention.3, weight=layers.3.o.weight)``."""
        given = {name: value for name, value in self.args.items() if value is not None}
        args = ", ".join(f"{name}={value}" for name, value in given.items())
        return f"{', '.join(self.outputs)} = {self.op.name}({args})"


@dataclass(frozen=True)
class Program:
    """Calls in order. `outputs` are what the step is for and must survive it."""

    model: Model
    shape: Workload
    calls: tuple[Call, ...]
    outputs: tuple[str, ...] = ("logits", "next_ids")


@dataclass
class StepBuilder:
    """Appends calls to a step; knows the shapes of one rank.

    Each method appends one operator, or a group that layers share, and returns the name of its
    result. What takes `layer` is of that layer, or, where it is None, called once a step.
    """

    model: Model
    shape: Workload
    apart: bool
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.linears = {linear.role: linear for linear in linears(self.model, self.shape.tp)}
        self.heads = self.model.heads // self.shape.tp
        self.kv_heads = kv_heads_of_rank(self.model, self.shape.tp)

    def add(
        self,
        op: ops.Operator,
        case: ops.Case,
        role: str,
        layer: int | None,
        out: str,
        args: Mapping[str, Arg],
        flatten: tuple[str, ...] = (),
    ) -> str:
        """One call of any operator, whose result is called `out`, with the layer behind it."""
        name = out if layer is None else f"{out}.{layer}"
        self.calls.append(Call(op, case, role, layer, args, (name,), flatten))
        return name

    def linear(self, role: str, layer: int | None, x: str, flatten: tuple[str, ...] = ()) -> str:
        """The product of x with the weight of a role, and its bias where the model has one."""
        s, linear = self.shape, self.linears[role]
        case = ops.LinearCase(s.dtype, s.rows, linear.n, linear.k, s.format, linear.bias)
        bias = Parameter("vector", f"{role}_bias", layer) if linear.bias else None
        weight = Parameter("weight", role, layer)
        out = "logits" if role == "lm_head" else role
        args: dict[str, Arg] = {"x": x, "weight": weight, "bias": bias}
        return self.add(ops.LINEAR, case, role, layer, out, args, flatten)

    def summed(self, role: str, layer: int, x: str) -> str:
        """The ranks' partial sums put together, where there are ranks."""
        s = self.shape
        if not s.collectives:
            return x
        case = ops.AllReduceCase(s.dtype, s.rows, self.model.hidden, s.tp, in_place=True)
        return self.add(ops.ALL_REDUCE, case, role, layer, role, {"x": x})

    def next_ids(self, logits: str) -> None:
        """The greedy token; of all ranks' parts of the vocabulary, where there are ranks."""
        s, part = self.shape, self.linears["lm_head"].n
        argmax = ops.ArgmaxCase(s.dtype, s.rows, part)
        if not s.collectives:
            self.add(ops.ARGMAX, argmax, "argmax", None, "next_ids", {"logits": logits})
            return
        ids = self.add(ops.ARGMAX, argmax, "argmax", None, "local_ids", {"logits": logits})
        local = ops.LocalBestCase("fp32", s.rows, part, s.dtype)
        args: dict[str, Arg] = {"logits": logits, "ids": ids}
        best = self.add(ops.LOCAL_BEST, local, "local_best", None, "local_best", args)
        gather = ops.AllGatherCase("fp32", s.rows, 2, s.tp)
        gathered = self.add(ops.ALL_GATHER, gather, "gather", None, "best", {"x": best})
        pick = ops.BestOfRanksCase("fp32", s.rows, s.tp, part, self.model.vocab)
        self.add(ops.BEST_OF_RANKS, pick, "best_of_ranks", None, "next_ids", {"best": gathered})

    def normed(self, role: str, layer: int | None, x: str, residual: str | None) -> tuple[str, str]:
        """The norm of the residual stream with x added to it, and the stream as it is then."""
        if residual is None or not self.apart:
            return self.norm(role, layer, x, residual), residual or x
        stream = self.plus(f"{role}_add", layer, f"{role}_in", x, residual)
        return self.norm(role, layer, stream, None), stream

    def plus(self, role: str, layer: int | None, out: str, x: str, residual: str) -> str:
        """The residual stream and what a block adds to it, as a new value."""
        case = ops.AddCase(self.shape.dtype, self.shape.rows, self.model.hidden)
        return self.add(ops.ADD, case, role, layer, out, {"x": x, "residual": residual})

    def norm(self, role: str, layer: int | None, x: str, residual: str | None) -> str:
        """RMSNorm of x, or of the residual once x is added to it in place."""
        s, m = self.shape, self.model
        case = ops.RmsNormCase(s.dtype, s.rows, m.hidden, m.rms_eps, residual is not None)
        gamma = Parameter("vector", role, layer)
        args: dict[str, Arg] = {"x": x, "gamma": gamma, "residual": residual}
        return self.add(ops.RMS_NORM, case, role, layer, role, args)

    def self_attention(self, layer: int, x: str) -> str:
        """What attention adds to the stream: q, k and v of x, the attention, o, the ranks' sum."""
        attended = self.attention(layer, self.linear("qkv", layer, x))
        return self.summed("o_sum", layer, self.linear("o", layer, attended, flatten=("x",)))

    def mlp(self, layer: int, x: str) -> str:
        """What the gated MLP adds to the stream: gate and up of x, SiLU, down, the ranks' sum."""
        gate_up = self.linear("gate_up", layer, x)
        silu = ops.SiluMulCase(self.shape.dtype, self.shape.rows, self.linears["down"].k)
        args: dict[str, Arg] = {"gate_up": gate_up}
        product = self.add(ops.SILU_MUL, silu, "silu_mul", layer, "silu_mul", args)
        return self.summed("down_sum", layer, self.linear("down", layer, product))

    def attention(self, layer: int, qkv: str) -> str:
        """Rotate and append this step's token, then attend to the cache."""
        s, m = self.shape, self.model
        shape = (s.dtype, s.batch, self.heads, self.kv_heads, m.head_dim, s.tokens())
        tail = s.query_tokens
        cache: dict[str, Arg] = {
            "k_cache": Parameter("cache", "k_cache", layer),
            "v_cache": Parameter("cache", "v_cache", layer),
            "block_table": "block_table",
        }
        rope = ops.RopeAppendCase(
            *shape, s.kv_format, s.page, qk_norm=m.qk_norm, eps=m.rms_eps, query_tokens=tail
        )
        args = cache | {
            "qkv": qkv,
            "positions": "positions",
            "cos_sin": "cos_sin",
            "q_norm": Parameter("vector", "q_norm", layer) if m.qk_norm else None,
            "k_norm": Parameter("vector", "k_norm", layer) if m.qk_norm else None,
        }
        q = self.add(ops.ROPE_APPEND, rope, "rope_append", layer, "q", args)
        attention = ops.DecodeAttentionCase(*shape, s.kv_format, s.page, query_tokens=tail)
        args = cache | {"q": q, "lengths": "lengths", "max_length": "max_length"}
        return self.add(ops.DECODE_ATTENTION, attention, "attention", layer, "attention", args)


Layer = Callable[[StepBuilder, int, str, str | None], tuple[str, str | None]]
"""One layer: ``(builder, layer, x, residual)`` to the next layer's ``(x, residual)``, of which the
sum is the residual stream. The residual is None where x is the whole stream already."""


def pre_norm(b: StepBuilder, layer: int, x: str, residual: str | None) -> tuple[str, str]:
    """x + attention(norm(x)), then x + mlp(norm(x)): Qwen, Llama, Mistral, Phi-3."""
    normed, stream = b.normed("attn_norm", layer, x, residual)
    x = b.self_attention(layer, normed)
    normed, stream = b.normed("mlp_norm", layer, x, stream)
    return b.mlp(layer, normed), stream


def post_norm(b: StepBuilder, layer: int, x: str, residual: str | None) -> tuple[str, None]:
    """x + norm(attention(x)), then x + norm(mlp(x)): EXAONE 4."""
    normed = b.norm("attn_norm", layer, b.self_attention(layer, x), None)
    x = b.plus("attn_add", layer, "attn_out", normed, x)
    normed = b.norm("mlp_norm", layer, b.mlp(layer, x), None)
    return b.plus("mlp_add", layer, "mlp_out", normed, x), None


LAYERS: dict[str, Layer] = {"pre_norm": pre_norm, "post_norm": post_norm}
"""By the name that `families.toml` gives a family."""


def decode_program(model: Model, shape: Workload, apart: bool = False) -> Program:
    """The step of `model` at `shape`. Raises UserError for a shape the model does not have."""
    check_decoded(model)
    check_tp(model, shape.tp, shape.format)
    layers = model.layers if shape.layers is None else shape.layers
    if not 1 <= layers <= model.layers:
        raise UserError(f"layers = {layers}: {model.name} has {model.layers}; give 1 or more.")
    if not 1 <= shape.query_tokens <= ops.MOST_QUERY_TOKENS:
        raise UserError(
            f"query tokens = {shape.query_tokens}: a step takes 1 to {ops.MOST_QUERY_TOKENS} of a "
            "sequence."
        )
    if shape.batch < 1 or shape.context < 0 or (shape.page is not None and shape.page < 1):
        raise UserError(
            f"batch = {shape.batch}, context = {shape.context}, page = {shape.page}: give a batch "
            "and a page of at least 1 and a context of at least 0."
        )
    b = StepBuilder(model, shape, apart)
    # Every rank has the whole table: a row is all that is read of it, and a share would cost a
    # collective more.
    embedding = ops.EmbeddingCase(shape.dtype, shape.rows, model.vocab, model.hidden)
    args: dict[str, Arg] = {"ids": "ids", "table": Parameter("table", "embedding")}
    x: str = b.add(ops.EMBEDDING, embedding, "embedding", None, "hidden", args)
    residual: str | None = None
    append = LAYERS[all_families()[model.family].layer]
    for layer in range(layers):
        x, residual = append(b, layer, x, residual)
    normed, _ = b.normed("final_norm", None, x, residual)
    b.next_ids(b.linear("lm_head", None, normed))
    return Program(model, shape, tuple(b.calls))


def step_bytes(program: Program) -> dict[str, int]:
    """Bytes that must move by role, summed over the layers: everything read and written once."""
    total: dict[str, int] = {}
    for call in program.calls:
        total[call.role] = total.get(call.role, 0) + call.op.bytes(call.case)
    return total
