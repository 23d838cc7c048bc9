"""What the roles of a trace are held against: bytes over bandwidth, and a record of ``decode``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from truetpot.errors import UserError
from truetpot.facts.architecture import Model
from truetpot.facts.formats import format_facts
from truetpot.facts.hardware import Hardware, recognise
from truetpot.facts.mixes import all_mixes
from truetpot.facts.models import load_model
from truetpot.facts.roofline import roofline
from truetpot.facts.traffic import Traffic, traffic
from truetpot.facts.workload import Workload
from truetpot.records.agree import check_agrees
from truetpot.records.decode import DecodeRecord
from truetpot.records.rungs import OperatorRow
from truetpot.records.stack import Role
from truetpot.records.store import read_record
from truetpot.stack.trace import Gemm

_ONCE = {
    "lm_head", "final_norm", "final_norm_add", "embedding", "argmax", "gather", "best_of_ranks",
    "local_best",
}  # fmt: skip
"""Roles of the decode step that are not called in every layer."""
_OURS = {
    "qkv": Role.QKV, "o": Role.O, "gate_up": Role.GATE_UP, "down": Role.DOWN,
    "lm_head": Role.LM_HEAD, "attention": Role.ATTENTION, "rope_append": Role.ROPE_CACHE,
    "silu_mul": Role.ACTIVATION, "embedding": Role.EMBEDDING, "argmax": Role.SAMPLING,
    "best_of_ranks": Role.SAMPLING, "local_best": Role.SAMPLING, "gather": Role.COLLECTIVE,
    "o_sum": Role.COLLECTIVE, "down_sum": Role.COLLECTIVE, "attn_norm": Role.NORM,
    "mlp_norm": Role.NORM, "final_norm": Role.NORM, "attn_norm_add": Role.NORM,
    "mlp_norm_add": Role.NORM, "final_norm_add": Role.NORM, "attn_add": Role.NORM,
    "mlp_add": Role.NORM,
}  # fmt: skip
"""The role of the trace for a role of the decode step; of a fused one the first that is here."""


@dataclass(frozen=True)
class Yardstick:
    """A model at one point of operation, on a card or beside a record of our own kernels."""

    model: Model
    tp: int
    format: str
    kv_format: str
    context: int
    batch: int
    query_tokens: int = 1
    hardware: Hardware | None = None
    ceiling_gb_s: float | None = None
    operators: tuple[OperatorRow, ...] = ()
    layers_measured: int = 1
    dtype: str = "int8"
    """Of activations, at whose rate operations are bound: a stack may quantise them to 8 bits."""
    ceiling_tflops: float | None = None
    """The best rate of a GEMM found beside `ceiling_gb_s`."""
    step_ms: float | None = None
    """Rung ``step`` of the record, of all layers."""
    what: str = ""
    shapes: dict[tuple[int, int], str] = field(default_factory=dict)
    """Role of a product by its n and k, q, k, v and gate, up alone too."""

    def traffic(self, layers: int | None = None) -> Traffic:
        """Bytes of one step of so many layers; of all if None."""
        return traffic(
            self.model,
            Workload(
                tp=self.tp,
                format=self.format,
                kv_format=self.kv_format,
                context=self.context,
                batch=self.batch,
                query_tokens=self.query_tokens,
                layers=None if layers is None else min(layers, self.model.layers),
            ),
        )

    def bytes_of(self, layers: int | None) -> dict[str, int]:
        """Compulsory bytes of a step by role: weights with their scales, and the cache."""
        step = self.traffic(layers)
        found: dict[str, int] = {}
        for row in step.linears:
            role = row.linear.role if row.linear.role in set(Role) else Role.OTHER
            of_role = (row.weights + row.scales) * row.linear.count
            found[role] = found.get(role, 0) + of_role
        found[Role.ATTENTION] = step.kv
        return found

    def operations_of(self, layers: int | None) -> dict[str, int]:
        """Operations of a step by role, of the same roles."""
        step = self.traffic(layers)
        found: dict[str, int] = {}
        for row in step.linears:
            role = row.linear.role if row.linear.role in set(Role) else Role.OTHER
            found[role] = found.get(role, 0) + row.operations(self.batch * self.query_tokens)
        found[Role.ATTENTION] = step.attention_operations
        return found

    def floors_ms(self, layers: int | None) -> dict[str, float]:
        """Least time of a step by role: the larger of its bytes' and its operations'."""
        card, operations = self.hardware, self.operations_of(layers)
        if card is None:
            return {}
        return {
            role: card.least_ms(nbytes, operations[role], self.dtype)
            for role, nbytes in self.bytes_of(layers).items()
        }

    def ceilings_ms(self, layers: int | None) -> dict[str, float]:
        """The same at the bandwidth and, where one was found, the rate measured on the card."""
        best, rate, operations = self.ceiling_gb_s, self.ceiling_tflops, self.operations_of(layers)
        if best is None:
            return {}
        return {
            role: roofline(n / best / 1e6, operations[role] / rate / 1e9 if rate else None)[0]
            for role, n in self.bytes_of(layers).items()
        }

    def gemm_least_ms(self, gemm: Gemm) -> float | None:
        """Least time of one product on the rows it has; None without a card, or of a mix."""
        nbytes = self.gemm_bytes(gemm.n, gemm.k)
        if self.hardware is None or nbytes is None:
            return None
        return self.hardware.least_ms(nbytes, 2 * gemm.m * gemm.n * gemm.k, self.dtype)

    def gemm_bytes(self, n: int, k: int) -> float | None:
        """Weights and scales of one product in the format; None for a mix."""
        if self.format in all_mixes():
            return None
        facts = format_facts(self.format)
        return n * k * facts.bits_per_weight / 8

    def ours_s(self, layers: int) -> dict[str, tuple[float, str]]:
        """Seconds of our own kernels in a step of so many layers, and their roles, by role."""
        found: dict[str, tuple[float, str]] = {}
        for row in self.operators:
            parts = row.role.split("+")
            linear = [one for one in parts if one in ("qkv", "o", "gate_up", "down", "lm_head")]
            named = [*linear, *("attention" for one in parts if one == "attention"), *parts]
            role = next((_OURS[one] for one in named if one in _OURS), Role.OTHER)
            calls = float(row.count)
            if not _ONCE & set(parts):
                calls *= layers / self.layers_measured
            seconds = (row.at_step_s or row.median_s) * calls
            before, names = found.get(role, (0.0, ""))
            listed = [one for one in names.split(", ") if one]
            if row.role not in listed:
                listed.append(row.role)
            found[role] = before + seconds, ", ".join(listed)
        return found


def from_facts(
    model: str, device: str, tp: int, format: str, kv_format: str, context: int, batch: int
) -> Yardstick:
    """Of a model and a card of the tables. Raises UserError for what does not fit together."""
    from truetpot.facts.hardware import load_hardware

    known, card = load_model(model), load_hardware(device)
    found = Yardstick(
        known, tp, format, kv_format, context, batch, hardware=card,
        what=f"{known.name} {format} on {tp} x {card.title}, {kv_format} cache, context {context}, "
        f"batch {batch}",
        shapes=gemm_shapes(known, tp),
    )  # fmt: skip
    found.traffic()
    return found


def from_ladder(path: Path, **given: str | int | None) -> Yardstick:
    """Of a record that ``truetpot decode --json`` wrote.

    Raises UserError for any other file, and where the record says something else than ``given``,
    as :func:`truetpot.records.agree.check_agrees` takes it.
    """
    what = "a record of truetpot decode --json of one context and batch, no sweep,"
    record = read_record(path, DecodeRecord, what)
    if not record.operators:
        raise UserError(f"{path} has no kernels: it was interrupted; give {what} that has rungs.")
    if not record.valid:
        raise UserError(f"{path} says that its run was not valid; give {what} that is.")
    check_agrees(record, path, given)
    model, identity = load_model(record.model), record.environment.device
    best = None if record.ceiling is None else record.ceiling.gb_s
    gemm = None if record.ceiling is None else record.ceiling.gemm
    return Yardstick(
        model, record.tp, record.format, record.kv_format, record.context, record.batch,
        record.query_tokens or 1,
        recognise(identity["name"], identity.get("memory_bytes")),
        ceiling_gb_s=best,
        ceiling_tflops=None if gemm is None else gemm.tflops,
        operators=tuple(record.operators),
        layers_measured=record.layers_measured,
        step_ms=None if record.rungs.step is None else record.rungs.step.ms_per_token,
        what=f"{model.name} {record.format} on {identity['name']}, tp = {record.tp}, "
        f"{record.kv_format} cache, context {record.context}, batch {record.batch} ({path.name})",
        shapes=gemm_shapes(model, record.tp),
    )  # fmt: skip


def gemm_shapes(model: Model, tp: int) -> dict[tuple[int, int], str]:
    """Role by (n, k); a shape that two roles have, as q alone and o may, is left to the order."""
    from truetpot.facts.shapes import kv_heads_of_rank, linears

    q, kv = model.q_rows // tp, kv_heads_of_rank(model, tp) * model.head_dim
    wide = model.intermediate // tp
    pairs: list[tuple[tuple[int, int], str]] = [
        ((one.n, one.k), one.role) for one in linears(model, tp) if one.role in set(Role)
    ]
    pairs += [((n, model.hidden), Role.QKV) for n in (q, kv, q + kv, 2 * kv)]
    pairs.append(((wide, model.hidden), Role.GATE_UP))
    roles: dict[tuple[int, int], set[str]] = {}
    for shape, role in pairs:
        roles.setdefault(shape, set()).add(str(role))
    return {shape: next(iter(found)) for shape, found in roles.items() if len(found) == 1}
