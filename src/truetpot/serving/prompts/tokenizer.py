"""A model's tokenizer, loaded from its folder: never from the network.

Lengths are those of ``encode(text)`` with the special tokens that the tokenizer adds by itself, a
BOS for one. So counts vLLM's client (``len(tokenizer(prompt).input_ids)``), and so does its server
for ``/v1/completions``, where ``add_special_tokens`` is true unless a request says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from truetpot.errors import UserError


@dataclass(frozen=True)
class Tokenizer:
    """What prompts need of a tokenizer, whichever library reads it."""

    where: str
    encode: Callable[[str], list[int]]
    """With special tokens."""
    plain: Callable[[str], list[int]]
    """Without."""
    decode: Callable[[Sequence[int]], str]
    """Special tokens, if any are among the ids, as their text."""
    ordinary: tuple[int, ...] = field(repr=False)
    """Every id of the vocabulary that is no special token, ascending."""

    def count(self, text: str) -> int:
        """Tokens of the text as a server counts them."""
        return len(self.encode(text))

    @cached_property
    def added(self) -> int:
        """Special tokens that every text gets."""
        return self.count("")


def load(folder: Path) -> Tokenizer:
    """The tokenizer of a model's folder.

    ``tokenizer.json`` is read with ``tokenizers``. Where ``tokenizer_config.json`` says otherwise
    about BOS or EOS, or there is no ``tokenizer.json``, transformers decides, as in the server.
    Raises UserError where the folder or the package that it needs is missing.
    """
    if not folder.is_dir():
        raise UserError(f"--tokenizer {folder} is not a folder; give that of the model's files.")
    file = folder / "tokenizer.json"
    if not file.is_file():
        reason = f"{folder} has no tokenizer.json"
        return _transformers(folder, reason)
    try:
        from tokenizers import Tokenizer as Backend
    except ImportError:
        raise UserError("Reading tokenizer.json needs a package: pip install tokenizers.") from None
    try:
        backend = Backend.from_file(str(file))
    except Exception as error:  # its parser raises plain Exceptions
        reason = " ".join(str(error).split())
        raise UserError(f"Cannot read {file}: {reason}.") from error
    backend.no_truncation()
    backend.no_padding()
    if reason := _disagreement(backend, folder):
        return _transformers(folder, reason)
    special = {id for id, token in backend.get_added_tokens_decoder().items() if token.special}
    return Tokenizer(
        str(folder),
        lambda text: backend.encode(text).ids,
        lambda text: backend.encode(text, add_special_tokens=False).ids,
        lambda ids: backend.decode(list(ids), skip_special_tokens=False),
        tuple(sorted(set(backend.get_vocab(with_added_tokens=False).values()) - special)),
    )


def _disagreement(backend: Any, folder: Path) -> str:
    """In what tokenizer_config.json and tokenizer.json differ; "" if in nothing."""
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    if not isinstance(config, dict):
        return ""
    ids = backend.encode("a").ids
    for name, edge in (("bos", ids[:1]), ("eos", ids[-1:])):
        wanted = config.get(f"add_{name}_token")
        token = config.get(f"{name}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if wanted is None or not isinstance(token, str):
            continue
        if bool(wanted) != (edge == [backend.token_to_id(token)]):
            return f"{folder} says another add_{name}_token than its tokenizer.json does"
    return ""


def _transformers(folder: Path, reason: str) -> Tokenizer:
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise UserError(
            f"{reason}: that needs transformers, which is not installed (pip install transformers)."
        ) from None
    try:
        backend: Any = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # whatever it meets in a folder that is not a model's
        said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(" .:")
        raise UserError(f"{reason}, and transformers cannot load the folder: {said}.") from error
    special = set(backend.all_special_ids)
    return Tokenizer(
        str(folder),
        lambda text: list(backend(text).input_ids),
        lambda text: list(backend(text, add_special_tokens=False).input_ids),
        lambda ids: str(backend.decode(list(ids))),
        tuple(id for id in range(backend.vocab_size) if id not in special),
    )
