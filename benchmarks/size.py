"""How much is timed: ``TRUETPOT_BENCH`` names a profile, other variables change what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from truetpot.errors import UserError

AS_ACTIVATIONS = "16 bit"
"""A KV cache in the activations' own dtype, which depends on the device."""
SAMPLES = 10
"""Samples of one process: with 7 against 7 a rank test can see a difference, with 6 it cannot."""


@dataclass(frozen=True)
class Size:
    """One profile."""

    name: str
    model: str
    layers: int | None
    contexts: tuple[int, ...]
    formats: tuple[str, ...]
    seconds: float
    rotate: bool = True
    """Whether weights and KV come from memory; small shapes are timed hot, as CI wants it soon."""
    batches: tuple[int, ...] = (1,)
    rows: tuple[int, ...] = ()
    """Of x in a linear beside the batches: more than a decode step's, for the vendors' GEMM."""
    kv_formats: tuple[str, ...] = (AS_ACTIVATIONS,)
    pages: tuple[int | None, ...] = (None,)
    tp: int = 1
    cards: int | None = None
    """Of the tables in the benchmark of arithmetic; None for all."""


FORMATS = ("sym_int4", "fp8_e5m2", "bf16")
CACHES = (AS_ACTIVATIONS, "fp8_e5m2", "fp8_e4m3")
SIZES = {
    size.name: size
    for size in (
        Size("small", "qwen2.5-0.5b", 2, (128,), ("sym_int4", "bf16"), 0.3, False, cards=1),
        Size("default", "qwq-32b", None, (1024, 5120), FORMATS, 2.0),
        Size(
            "serving", "qwq-32b", None, (4096, 32768), FORMATS[:2], 1.0, batches=(8, 32),
            kv_formats=CACHES[:2], pages=(16,),
        ),
        Size(
            "full", "qwq-32b", None, (1024, 5120, 32768), FORMATS, 2.0, batches=(1, 8, 16, 32, 64),
            rows=(512, 2048), kv_formats=CACHES, pages=(None, 16),
        ),
    )
}  # fmt: skip
_OWN = "TRUETPOT_BENCH_"


def chosen(variables: Mapping[str, str]) -> Size:
    """The profile that the variables name, changed as they say. Raises UserError."""
    name = variables.get("TRUETPOT_BENCH") or "default"
    if name not in SIZES:
        raise UserError(f"There is no TRUETPOT_BENCH={name}; known are {', '.join(SIZES)}.")
    size = SIZES[name]
    if model := variables.get(_OWN + "MODEL"):
        size = replace(size, model=model, layers=None)
    if layers := _numbers(variables, "LAYERS"):
        size = replace(size, layers=layers[0])
    if formats := variables.get(_OWN + "FORMAT"):
        size = replace(size, formats=tuple(formats.split(",")))
    if contexts := _numbers(variables, "CONTEXT"):
        size = replace(size, contexts=contexts)
    if batches := _numbers(variables, "BATCH"):
        size = replace(size, batches=batches)
    if shards := _numbers(variables, "TP"):
        size = replace(size, tp=shards[0])
    return size


def _numbers(variables: Mapping[str, str], what: str) -> tuple[int, ...]:
    """``1,8,32``. Raises UserError for anything else."""
    text = variables.get(_OWN + what) or ""
    try:
        found = tuple(int(part) for part in text.split(",") if part)
        if any(number < 1 for number in found):
            raise ValueError
    except ValueError:
        raise UserError(f"{_OWN}{what}={text} is no list of numbers such as 1,8,32.") from None
    return found
