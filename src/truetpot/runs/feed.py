"""The run behind ``truetpot decode --tokens``: the logits of given tokens, and no time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from truetpot.decode.engine import DecodeStep
from truetpot.decode.selected import select_step
from truetpot.errors import UserError
from truetpot.measure import record
from truetpot.ops.guard import guarded
from truetpot.records.logits import LogitsRecord
from truetpot.runs.decode_outcome import Request
from truetpot.runs.watch import NOBODY, Watch
from truetpot.text import brief


def run(
    request: Request, tokens: Sequence[int], saved: str | None = None, watch: Watch = NOBODY
) -> tuple[NDArray[np.float32], LogitsRecord]:
    """Feed one token after the other from an empty cache: logits [tokens, vocab] float32.

    They are the same on every rank. ``saved`` is for the record alone: where the caller puts them.
    Raises UserError for a share of several, a token that the model has not, and a lack of memory.
    """
    model, setting = request.model, request.setting
    if request.shape.tp > 1 and not request.shape.collectives:
        raise UserError("A share's logits are of partial sums: --tokens takes no --shard.")
    worst = next((token for token in tokens if not 0 <= token < model.vocab), None)
    if worst is not None:
        raise UserError(
            f"Token {brief(worst)} is none of {model.name}'s: ids are 0 to {model.vocab - 1}."
        )
    chosen = request.plan(0)
    if chosen.sharded or not chosen.whole:
        raise UserError(
            f"{model.name} does not fit in memory ({chosen.sentence()}), and logits need all of "
            "it; choose a smaller format or model."
        )
    weights = request.source(chosen.shape)
    for note in weights.notes:
        watch.warn(note)
    with watch.bar("making the weights", "GB") as advance:
        step = DecodeStep(
            select_step(model, chosen.shape, setting.preference),
            weights,
            request.rank,
            progress=lambda done, total: advance(done / 1e9, total / 1e9),
        )
    # each rank has its rows of the vocabulary, the last one with padding
    with guarded():
        fed_logits = step.feed(np.asarray(tokens))
    parts = setting.device.group.gather(fed_logits)
    logits = np.concatenate(parts, axis=-1)[:, : model.vocab]
    opening = record.opening(setting.device)
    return logits, LogitsRecord(
        started=opening.started,
        command=opening.command,
        environment=opening.environment,
        partial=False,
        model=model.name,
        dtype=chosen.shape.dtype,
        device=setting.device.name,
        format=chosen.shape.format,
        kv_format=chosen.shape.kv_format,
        providers=step.providers,
        tokens=list(tokens),
        likeliest=[int(token) for token in logits.argmax(axis=1)],
        logits=saved,
    )
