"""``truetpot decode --tokens``: the logits of given tokens, for comparison with another program."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from truetpot.cli.decode_outcome import Request
from truetpot.decode.engine import DecodeStep
from truetpot.decode.selected import select_step
from truetpot.errors import UserError
from truetpot.files import write_whole
from truetpot.measure import record
from truetpot.ops.guard import guarded
from truetpot.records.logits import LogitsRecord
from truetpot.records.store import write_record
from truetpot.report.terminal import Terminal
from truetpot.runtime.distributed.group import current
from truetpot.text import brief


def feed(
    request: Request, tokens: list[int], save: Path | None, json: str | None, terminal: Terminal
) -> None:
    """Feed one token after the other from an empty cache; nothing is timed."""
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
        terminal.say(note, "yellow")
    with terminal.bar("making the weights", "GB") as advance:
        step = DecodeStep(
            select_step(model, chosen.shape, setting.preference),
            weights,
            request.rank,
            progress=lambda done, total: advance(done / 1e9, total / 1e9),
        )
    # each rank has its rows of the vocabulary, the last one with padding
    with guarded():
        fed_logits = step.feed(np.asarray(tokens))
    parts = current().gather(fed_logits)
    logits = np.concatenate(parts, axis=-1)[:, : model.vocab]
    if current().rank > 0:
        return
    likeliest = [int(token) for token in logits.argmax(axis=1)]
    terminal.show(f"after each token, the likeliest next: {', '.join(map(str, likeliest))}")
    if save is not None:
        write_whole(save, _npy(logits), "--save-logits")
        terminal.show(f"logits {list(logits.shape)} float32 in {save}")
    if json is not None:
        opening = record.opening(setting.device)
        fed = LogitsRecord(
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
            tokens=tokens,
            likeliest=likeliest,
            logits=str(save) if save else None,
        )
        write_record(fed, json)


def _npy(array: np.ndarray) -> bytes:
    """As ``np.save`` would write it."""
    content = BytesIO()
    np.save(content, array)
    return content.getvalue()
