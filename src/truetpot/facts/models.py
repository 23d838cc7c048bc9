"""Models by name or by `config.json`: the door to the shapes of everything the suite measures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from truetpot.errors import UserError
from truetpot.facts.architecture import Model, RopeScaling
from truetpot.facts.families import all_families
from truetpot.facts.hf_config import read_config
from truetpot.facts.rope import rope_inv_freq
from truetpot.facts.shapes import (
    ROLES,
    Linear,
    check_tp,
    kv_heads_of_rank,
    linears,
    tensor_parallel_degrees,
)
from truetpot.facts.tables import convert, read
from truetpot.files import expanded, is_folder, is_there, shortened_path
from truetpot.text import escaped, meant, shortened

__all__ = [
    "ROLES",
    "Linear",
    "Model",
    "RopeScaling",
    "all_models",
    "check_decoded",
    "check_tp",
    "kv_heads_of_rank",
    "linears",
    "load_model",
    "rope_inv_freq",
    "tensor_parallel_degrees",
]


@cache
def all_models() -> dict[str, Model]:
    """The models of models.toml by name."""
    table = read("models.toml")
    return {
        name: convert({"name": name, **entry}, Model, f"models.toml [{name}]")
        for name, entry in table.items()
    }


def check_decoded(model: Model) -> None:
    """Raise UserError for a model whose bytes are known, but whose step no kernel here runs yet."""
    family = all_families().get(model.family)
    plain = model.experts is None and not model.windowed and not model.unmodelled
    decoded = family is not None and family.layer
    if decoded and plain:
        return
    what = "a mixture of experts" if model.experts else f"of the {model.family} family"
    if decoded and model.windowed:
        what = f"a model whose attention has a window of {model.window} tokens"
    if decoded and model.unmodelled:
        what = f"a model with {model.unmodelled}"
    able = [one.name for one in all_families().values() if one.layer]
    raise UserError(
        f"{model.name} is {what}, which decode cannot run yet: truetpot floor and check take it; "
        f"for anything that is measured give a dense model of {', '.join(able[:-1])} or {able[-1]}."
    )


def load_model(name_or_path: str | Path) -> Model:
    """A known model ("qwq-32b", or its hub name), or one described by a Hugging Face config.

    A model of the same shape under another name ("deepseek-r1-distill-qwen-32b") is the known one.
    A path may name a directory that holds a config.json, or the file itself. Raises UserError for
    an unknown name, an unreadable file or a config this suite does not model.
    """
    text = str(name_or_path)
    for model in all_models().values():
        also = read("names.toml")["names"].get(model.name, {}).get("also", ())
        if text.lower() in (model.name, (model.hf or "").lower(), *also):
            return model
    path = expanded(name_or_path)
    if is_folder(path):
        path = path / "config.json"
    if is_there(path):
        return read_config(path)
    if path.name == "config.json" or path.is_absolute() or text.startswith((".", "~")):
        shown = shortened_path(path)
        raise UserError(f"there is no {shown}; give a directory that holds a config.json.")
    raise UserError(
        f"unknown model '{shortened(escaped(text))}'{meant(text, all_models())}; known are "
        f"{', '.join(all_models())}, "
        "or give a directory that holds a Hugging Face config.json."
    )
