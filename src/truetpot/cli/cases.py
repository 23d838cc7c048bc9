"""Options of the commands that take the cases of a decode step, where they take others instead."""

from __future__ import annotations

from truetpot.cli.together import Apart

OF_MODEL = ("model", "tp", "context", "kv_format", "page", "role")
"""What a case has of a model's step, and a shape or an operator by itself has not."""
OF_STEP = (*OF_MODEL, "format", "batch", "query_tokens")


def _ops(text: str) -> set[str]:
    return {part.strip() for part in text.split(",")} - {""}


def _collectives(text: str) -> bool:
    from truetpot.runs.collectives import COLLECTIVES

    return _ops(text) <= {*COLLECTIVES}


def _with_rows(shape: str) -> bool:
    return "m=" in shape.replace(" ", "")


SHAPE = (
    Apart("shape", OF_MODEL, "is of no model's step"),
    Apart("shape", ("batch", "query_tokens"), "with m=.. says the rows of x", _with_rows),
)
MEMORY = Apart(
    "op", OF_STEP, "memory_read is of no model's step", lambda ops: _ops(ops) == {"memory_read"}
)
OF_RANKS = Apart(
    "op",
    ("format", "context", "kv_format", "page", "query_tokens", "role", "shape", "config"),
    "of collectives has sizes of its own, on all ranks",
    _collectives,
)
OWN = Apart("op", OF_STEP, "names operators of your own, which no model's step calls")
