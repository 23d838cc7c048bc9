"""What a file and its user say of the model, the card and the formats, each with its evidence.

What the user gives wins; a name that stands for several models or cards is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from truetpot.facts.formats import kv_bytes
from truetpot.facts.hardware import Hardware, load_hardware, recognise_cards
from truetpot.facts.mixes import check_format
from truetpot.facts.models import Model, load_model
from truetpot.facts.names import (
    dense,
    is_dense,
    names,
    recognise_format,
    recognise_model,
    same_size,
)
from truetpot.serving.records import Setting
from truetpot.text import escaped, shortened

LONGEST = 300
"""Characters of a name that are looked at: no path of a model has more."""

MOST_BYTES = 1 << 44
"""Sixteen times the largest published weights."""

MOST_CARDS = 1024

FEWEST_BITS, MOST_BITS = 1.5, 34.0
"""Of a weight, scales included: below IQ1_S, above fp32."""

CACHES = {
    "f16": "fp16", "fp16": "fp16", "float16": "fp16", "auto": "fp16",
    "bf16": "bf16", "bfloat16": "bf16", "f32": "fp32", "fp32": "fp32",
    "fp8": "fp8_e5m2", "fp8_e5m2": "fp8_e5m2", "fp8_e4m3": "fp8_e4m3", "u8": "fp8_e5m2",
    "q8_0": "fp8_e5m2", "int8": "fp8_e5m2",
}  # fmt: skip
"""Formats of a KV cache as tools write them, and one here that has no more bytes."""


@dataclass(frozen=True)
class Flags:
    """What the user gave; None where the file is to say it."""

    model: str | None = None
    """A known model, or a folder with a config.json."""
    device: str | None = None
    """A key of hardware.toml."""
    tp: int | None = None
    format: str | None = None
    kv_format: str | None = None

    def check(self) -> None:
        """Raise UserError for a model, a card or a format that is not known, before any file is
        read."""
        if self.format is not None:
            check_format(self.format)
        if self.kv_format is not None:
            kv_bytes(self.kv_format)
        if self.model is not None:
            load_model(self.model)
        if self.device is not None:
            load_hardware(self.device)


@dataclass
class Chosen:
    """What was found, and a sentence on each; None where nothing says it."""

    model: Model | None = None
    card: Hardware | None = None
    tp: int = 1
    format: str | None = None
    """A key of formats.toml or mixes.toml."""
    nbytes: int | None = None
    """Of all weights, where they say more than the format; they are those of the model, if any."""
    kv_format: str | None = "fp16"
    """None where the cache has a format whose bytes are not known: it is not counted then."""
    sentences: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Sentences on what nothing says, and which option does."""


def choose(setting: Setting, flags: Flags) -> Chosen:
    """Everything at once. Raises UserError for a flag that is no known model or card."""
    chosen = Chosen()
    _choose_model(chosen, setting, flags)
    _choose_format(chosen, setting, flags)
    if chosen.model is not None and (experts := chosen.model.experts) is not None:
        chosen.sentences.append(
            f"Experts: the floor has the {experts.used} of {experts.count} a layer that one token "
            "uses, whatever the batch; more tokens read more of them."
        )
    _choose_card(chosen, setting, flags)
    _choose_cache(chosen, setting, flags)
    return chosen


def _size(setting: Setting) -> int | None:
    """Bytes of the weights, if that is what the number can be."""
    nbytes = setting.model_bytes
    return nbytes if nbytes is not None and 0 < nbytes <= MOST_BYTES else None


def _texts(setting: Setting) -> list[str]:
    """What a file calls its model, the most certain first.

    A tokenizer's name is none of it: people count with that of another size.
    """
    said = (setting.model, setting.weight_format)
    return [text[:LONGEST] for text in said if text]


def _choose_model(chosen: Chosen, setting: Setting, flags: Flags) -> None:
    nbytes = _size(setting)
    if flags.model is not None:
        chosen.model = load_model(flags.model)
        chosen.sentences.append(f"Model: {_shown(chosen.model.name)}, from --model.")
        return
    for text in _texts(setting):
        found = recognise_model(text, nbytes)
        if found is not None and (nbytes is None or _plausible(found, nbytes)):
            chosen.model = found
            where = f"from its name in the file, {_shown(text)}"
            chosen.sentences.append(f"Model: {found.name}, {where}.")
            return
    if nbytes is not None and any(is_dense(text) for text in _texts(setting)):
        chosen.nbytes = round(nbytes * (1 - dense().embedding_share))
        chosen.sentences.append(
            f"Model: not a known one; {nbytes / 1e9:.2f} GB of weights from the file's size, of a "
            f"dense architecture. A step reads at least {chosen.nbytes / 1e9:.2f} GB of them, "
            "whatever the embedding takes; its cache is not counted."
        )
        return
    said = next(iter(_texts(setting)), None)
    what = "nothing in the file names it" if said is None else f"{_shown(said)} is not a known one"
    chosen.missing.append(f"Model: {what}; give --model.")


def _choose_format(chosen: Chosen, setting: Setting, flags: Flags) -> None:
    if chosen.model is None:
        return
    if flags.format is not None:
        chosen.format = flags.format
        chosen.sentences.append(f"Weights: {_shown(flags.format)}, from --format.")
        return
    model, nbytes = chosen.model, _size(setting)
    said = [setting.weight_format, setting.model]
    for text in filter(None, said):
        if (found := recognise_format(text[:LONGEST])) is not None:
            chosen.format, where = found, f"from its name in the file, {_shown(text)}"
            break
    else:
        chosen.format, where = names(model.name).format, "as the model was published"
    if nbytes and _plausible(model, nbytes):
        _weigh(chosen, model, nbytes, where)
    elif chosen.format is not None:
        chosen.sentences.append(f"Weights: {chosen.format}, {where}.")
    elif flags.model is not None:
        chosen.format = "fp16"
        chosen.sentences.append("Weights: fp16 is assumed; give --format if they were of another.")
    else:
        chosen.missing.append("Weights: nothing in the file says their format; give --format.")


def _weigh(chosen: Chosen, model: Model, nbytes: int, where: str) -> None:
    """Beside the format, or without one, the file's size of the weights."""
    chosen.nbytes = nbytes
    size = f"{nbytes / 1e9:.2f} GB from the file's size"
    same = same_size(model, chosen.format, nbytes)
    if same:
        chosen.sentences.append(f"Weights: {chosen.format}, {where}; {size}.")
        return
    of = f" not the size of {chosen.format}," if same is False else ""
    chosen.format = None
    chosen.sentences.append(
        f"Weights: {size},{of} {8 * nbytes / model.parameters():.2f} bits a weight on the average."
    )


def _choose_card(chosen: Chosen, setting: Setting, flags: Flags) -> None:
    found = recognise_cards(setting.device[:LONGEST]) if setting.device else None
    if flags.device is not None:
        chosen.card, where = load_hardware(flags.device), "from --device"
        if setting.device and (found is None or found[0] is not chosen.card):
            where += f", although the file names {_shown(setting.device)}"
    elif found is not None and setting.device is not None:
        chosen.card, where = found[0], f"from its name in the file, {_shown(setting.device)}"
    else:
        what = "nothing in the file names it"
        if setting.device:
            what = f"{_shown(setting.device)} is not one of the tables"
        chosen.missing.append(f"Card: {what}; give --device.")
        return
    cards = "as many as the file says"
    if flags.tp is not None:
        chosen.tp, cards = flags.tp, "as many as --tp says"
    elif setting.devices is not None and 1 <= setting.devices <= MOST_CARDS:
        chosen.tp = setting.devices
    elif found is not None and found[0] is chosen.card:
        chosen.tp = found[1]
    else:
        cards = "one is assumed, give --tp if there were more"
    at_once = ", and they are taken to read at once" if chosen.tp > 1 else ""
    title = f"{chosen.tp} x {chosen.card.title}"
    chosen.sentences.append(f"Card: {title}, {where}; {cards}{at_once}.")


def _choose_cache(chosen: Chosen, setting: Setting, flags: Flags) -> None:
    if flags.kv_format is not None:
        chosen.kv_format = flags.kv_format
    elif setting.kv_format is not None:
        chosen.kv_format = _cache(setting.kv_format[:LONGEST])
        what = chosen.kv_format or "not counted, as its bytes are not known"
        shown = _shown(setting.kv_format)
        chosen.sentences.append(f"Cache: {what}, from its name in the file, {shown}.")


def _cache(said: str) -> str | None:
    """Of K and V apart (``f16/q8_0``) the smaller one."""
    found = [CACHES.get(part.strip().lower()) for part in said.split("/")]
    known = [name for name in found if name is not None]
    return min(known, key=kv_bytes) if len(known) == len(found) else None


def _plausible(model: Model, nbytes: int) -> bool:
    return FEWEST_BITS <= 8 * nbytes / model.parameters() <= MOST_BITS


def _shown(text: str) -> str:
    return shortened(escaped(text))
