"""The names that an option takes: shown by ``--help``, completed by a shell.

They are looked up when somebody asks, and no table or kernel is read before.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Sequence

import typer
from typer.models import OptionInfo

Names = Callable[[], Iterable[str]]
CARD_COMMANDS = ("check", "dispatch", "floor", "predict", "trace")
"""Commands that measure nothing: their ``--device`` is a card of the tables."""


def models() -> Iterable[str]:
    """Known models; a folder with a config.json is taken too."""
    from truetpot.facts.models import all_models

    return all_models()


def cards() -> Iterable[str]:
    """Keys of the cards in the hardware tables, as ``--device`` of ``floor`` takes them."""
    from truetpot.facts.hardware import all_hardware

    return all_hardware()


def devices() -> Iterable[str]:
    """Kinds of devices, without a look at which are here: that takes torch seconds."""
    from truetpot.runtime.choose import names

    return names()


def counted_formats() -> Iterable[str]:
    """Weight formats whose bytes are known."""
    from truetpot.facts.mixes import known_formats

    return known_formats()


def plain_formats() -> Iterable[str]:
    """Weight formats of which all linears of a model can be."""
    from truetpot.facts.formats import all_formats

    return (name for name in all_formats() if not name.startswith("ggml_"))


def computed_formats() -> Iterable[str]:
    """Weight formats that kernels here compute in."""
    from truetpot.formats import FORMATS

    return FORMATS


def ipex_formats() -> Iterable[str]:
    """Weight formats by ipex-llm's names."""
    from truetpot.facts.ipex_llm import qtypes

    return qtypes()


def providers() -> Iterable[str]:
    """Providers in the tree; those of ``--kernels`` and of packages join when they are loaded."""
    from truetpot.ops.loading import builtin

    return sorted({one.provider for one in builtin()})


def operators() -> Iterable[str]:
    """Operators, simple and fused ones."""
    from truetpot.ops import OPERATORS

    return OPERATORS


def roles() -> Iterable[str]:
    """Roles of the decode step of a dense model; a fused kernel has several, joined by ``+``."""
    from truetpot.decode.program import decode_program
    from truetpot.facts.models import load_model
    from truetpot.facts.workload import Workload

    shape = Workload(context=1024, format="sym_int4", kv_format="bf16", dtype="bf16", batch=1, tp=1)
    program = decode_program(load_model("qwq-32b"), shape)
    return dict.fromkeys(call.role for call in program.calls)


_NAMES: dict[str, Names] = {
    "model": models,
    "device": devices,
    "format": computed_formats,
    "provider": providers,
    "op": operators,
    "role": roles,
}
"""By parameter, where a command measures or compiles."""
_OF_CARDS: dict[str, Names] = {"device": cards, "format": counted_formats}
"""By parameter, where it computes for a card of the tables."""
_OF_COMMAND: dict[tuple[str, str], Names] = {
    ("dispatch", "format"): ipex_formats,
    ("predict", "format"): plain_formats,
}


def names_of(command: str, parameter: str) -> Names | None:
    """Where an option's names come from; None for one that takes no names of ours."""
    if (own := _OF_COMMAND.get((command, parameter))) is not None:
        return own
    tables = _OF_CARDS if command in CARD_COMMANDS else {}
    return tables.get(parameter) or _NAMES.get(parameter)


def completed(command: Callable[..., None]) -> Callable[..., None]:
    """The command, whose options a shell completes by their names."""
    hints = typing.get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters:
        names = names_of(command.__name__, parameter)
        for about in getattr(hints[parameter], "__metadata__", ()):
            if names is not None and isinstance(about, OptionInfo):
                about.autocompletion = _completion(names)
    command.__annotations__ = hints
    return command


def _completion(names: Names) -> Callable[[typer.Context, str], Sequence[str]]:
    """Names that go on from what was typed; of a list from what stands after its last comma."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        before, comma, begun = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names() if name.startswith(begun)]

    return complete
