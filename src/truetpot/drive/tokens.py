"""The server's tokenizer: from the model's folder, or by the server's own endpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from truetpot.drive.server import Server, post
from truetpot.errors import UserError
from truetpot.serving.prompts.tokenizer import Tokenizer, load

TRIAL = "A card reads its weights once for every token."


def tokenizer_of(server: Server, folder: Path | None) -> Tokenizer:
    """From ``folder``, else from the server's ``/tokenize`` (vLLM, llama.cpp).

    Raises UserError where neither is there.
    """
    if folder is not None:
        return load(folder)
    remote = Remote(server)
    try:
        remote.encode(TRIAL)
    except UserError:
        raise UserError(
            f"{server.root} has no /tokenize; give --tokenizer DIR with the model's tokenizer."
        ) from None
    return Tokenizer(f"{server.root}/tokenize", remote.encode, remote.plain, _undecoded, ())


class Remote:
    """``/tokenize`` of vLLM (``prompt``, ``add_special_tokens``) and of llama.cpp (``content``,
    ``add_special``): one request has the names of both. vLLM vllm/entrypoints/serve/tokenize,
    llama.cpp tools/server/README.md."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ask = lru_cache(maxsize=10_000)(self._asked)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, special tokens included."""
        return list(self._ask(text, True))

    def plain(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        return list(self._ask(text, False))

    def _asked(self, text: str, special: bool) -> tuple[int, ...]:
        body: dict[str, Any] = {"add_special_tokens": special, "add_special": special}
        if self._server.name == "vllm":
            body |= {"model": self._server.model, "prompt": text}
        else:
            body |= {"content": text, "prompt": text, "model": self._server.model}
        answer = post(f"{self._server.root}/tokenize", body)
        tokens = answer.get("tokens") if isinstance(answer, dict) else None
        if not isinstance(tokens, list) or not all(isinstance(one, int) for one in tokens):
            raise UserError(f"{self._server.root}/tokenize gives no list of ids; give --tokenizer.")
        return tuple(tokens)


def _undecoded(ids: Sequence[int]) -> str:
    """Prompts with meaning are made of texts, and no ids are decoded for them."""
    raise UserError(f"{len(ids)} ids cannot be decoded without --tokenizer DIR.")


def requests_of(concurrency: int, asked: int | None) -> int:
    """Measured requests of a point: enough that each stream has three, and eight in all."""
    return asked or max(8, math.ceil(3 * concurrency))
