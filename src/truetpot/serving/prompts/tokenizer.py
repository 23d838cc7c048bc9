"""A model's tokenizer, loaded from its folder: never from the network.

Lengths are those of ``encode(text)`` with the special tokens that the tokenizer adds by itself, a
BOS for one. So counts vLLM's client (``len(tokenizer(prompt).input_ids)``), and so does its server
for ``/v1/completions``, where ``add_special_tokens`` is true unless a request says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import (
    expanded,
    is_folder,
    is_regular,
    is_there,
    open_regular,
    read_json,
    read_text,
    shortened_path,
)
from truetpot.serving.prompts.guard import guarded, quiet

MOST_BYTES = 256 << 20
"""Of a file of a tokenizer: the largest that are published have some 35 MB."""
_READ = (".json", ".txt", ".jinja", ".model", ".tiktoken")
"""What transformers may read of a folder."""
_TRIAL = "The first 12 words, then caf\u00e9, \ufb01, \u2460, \u4f60\u597d, \U0001f642."


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
    Raises UserError where the folder or the package that it needs is missing, and where a file in
    it cannot be used, when it is loaded or later.
    """
    folder = expanded(folder)
    shown = shortened_path(folder)
    if not is_folder(folder):
        raise UserError(f"--tokenizer {shown} is not a folder; give that of the model's files.")
    file = folder / "tokenizer.json"
    if not is_there(file):
        reason = f"{shown} has no tokenizer.json"
        return _transformers(folder, reason)
    try:
        from tokenizers import Tokenizer as Backend
    except ImportError:
        raise UserError("Reading tokenizer.json needs a package: pip install tokenizers.") from None
    text = read_text(file, "a model's tokenizer.json", MOST_BYTES)
    with quiet(), guarded(f"Cannot read {shortened_path(file)}"):
        backend = Backend.from_str(text)
        backend.no_truncation()
        backend.no_padding()
        reason = _disagreement(backend, folder)
        special = {id for id, token in backend.get_added_tokens_decoder().items() if token.special}
        ordinary = set(backend.get_vocab(with_added_tokens=False).values()) - special
        _try(backend.encode)
    if reason:
        return _transformers(folder, reason)
    return _tokenizer(
        folder,
        lambda text: backend.encode(text).ids,
        lambda text: backend.encode(text, add_special_tokens=False).ids,
        lambda ids: backend.decode(list(ids), skip_special_tokens=False),
        tuple(sorted(ordinary)),
    )


def _tokenizer(
    folder: Path,
    encode: Callable[[str], list[int]],
    plain: Callable[[str], list[int]],
    decode: Callable[[Sequence[int]], str],
    ordinary: tuple[int, ...],
) -> Tokenizer:
    """What a library raises for a text, or for ids, becomes a sentence."""
    encoding = guarded(f"The tokenizer of {shortened_path(folder)} cannot encode a text")
    decoding = guarded(f"The tokenizer of {shortened_path(folder)} cannot decode its ids")
    return Tokenizer(str(folder), encoding(encode), encoding(plain), decoding(decode), ordinary)


def _try(encode: Callable[[str], object]) -> None:
    """Whether it encodes at all. One that lacks a token for unknown words may be of use yet."""
    try:
        encode(_TRIAL)
    except Exception:  # noqa: BLE001  # a panic is none of these
        return


def _disagreement(backend: Any, folder: Path) -> str:
    """In what tokenizer_config.json and tokenizer.json differ; "" if in nothing."""
    try:
        config = read_json(folder / "tokenizer_config.json", "a tokenizer's config", MOST_BYTES)
    except UserError:
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
            shown = shortened_path(folder)
            return f"{shown} says another add_{name}_token than its tokenizer.json does"
    return ""


def _transformers(folder: Path, reason: str) -> Tokenizer:
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise UserError(
            f"{reason}: that needs transformers, which is not installed (pip install transformers)."
        ) from None
    _look(folder)
    with quiet(), guarded(f"{reason}, and transformers cannot load the folder"):
        backend: Any = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        special = set(backend.all_special_ids)
        ordinary = tuple(id for id in range(backend.vocab_size) if id not in special)
        _try(backend)
    return _tokenizer(
        folder,
        lambda text: list(backend(text).input_ids),
        lambda text: list(backend(text, add_special_tokens=False).input_ids),
        lambda ids: str(backend.decode(list(ids))),
        ordinary,
    )


def _look(folder: Path) -> None:
    """Raise UserError for a file that transformers would wait for, or read gigabytes of."""
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix in _READ)
    except OSError as error:
        shown = shortened_path(folder)
        raise UserError(f"{shown} cannot be read: {error.strerror}; give another.") from None
    for file in files:
        if is_folder(file):
            continue
        if is_regular(file) and file.stat().st_size <= MOST_BYTES:
            continue
        open_regular(file, "a tokenizer's file").close()
        raise UserError(
            f"{shortened_path(file)} has more than {MOST_BYTES / 1e6:,.0f} MB, which no file of a "
            "tokenizer has; take it out of the folder."
        )
