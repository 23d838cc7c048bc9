"""What a server tells of itself, asked for with single GET requests."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from truetpot.errors import UserError
from truetpot.text import shortened

KEY = "OPENAI_API_KEY"
"""The environment variable that has the server's API key."""
TIMEOUT_S = 10.0
MOST_BYTES = 16 << 20
"""Of an answer: the longest /metrics of vLLM have a few hundred kB."""
_VERSIONS = (
    ("vllm", "/version", "version"),
    ("sglang", "/server_info", "version"),
    ("sglang", "/get_server_info", "version"),
    ("llama.cpp", "/props", "build_info"),
    ("ollama", "/api/version", "version"),
)
"""Server, path beside ``/v1``, and the member that is its version: vLLM
vllm/entrypoints/openai/api_server.py, SGLang srt/entrypoints/http_server.py, llama.cpp
tools/server/README.md, Ollama docs/api.md."""
_PREFIXES = (
    ("vllm:", "vllm"),
    ("sglang:", "sglang"),
    ("llamacpp:", "llama.cpp"),
    ("ovms_", "ovms"),
)
"""Of the names in /metrics."""


@dataclass(frozen=True)
class Server:
    """A live server, by what it tells; "" and None are what it does not."""

    url: str
    """Ends with ``/v1``."""
    model: str
    name: str = ""
    """``vllm``, ``sglang``, ``llama.cpp``, ``ollama``, ``ovms``."""
    version: str = ""
    max_tokens: int | None = None
    """Of a prompt and its output together."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Those of /metrics without labels that matter: the state when it was asked."""

    @property
    def root(self) -> str:
        """The URL without ``/v1``."""
        return self.url.removesuffix("/v1")


def base(url: str) -> str:
    """The URL with ``/v1`` at its end. Raises UserError for one that is no HTTP address, or that
    has a user's name in it: a record keeps the URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{shortened(url)!r} is no address; give one such as http://host:8000/v1.")
    if parts.username or parts.password or parts.query:
        raise UserError(f"Keep names and keys out of the address; put the key into {KEY}.")
    plain = url.rstrip("/")
    return plain if plain.endswith("/v1") else f"{plain}/v1"


def look(url: str, model: str | None = None) -> Server:
    """The server at a URL, and the model to ask it for.

    Raises UserError where it cannot be reached, answers something else than a list of models, or
    has several and ``model`` names none of them.
    """
    url = base(url)
    listed = _models(get(f"{url}/models"), url)
    names = list(listed)
    if model is None and len(names) > 1:
        raise UserError(f"{url} serves {', '.join(names[:8])}; choose one with --served.")
    chosen = model or names[0]
    if chosen not in listed:
        raise UserError(f"{url} does not serve {chosen!r}, but {', '.join(names[:8])}.")
    root = url.removesuffix("/v1")
    metrics = _metrics(root)
    name, version = _who(root, listed[chosen], metrics)
    longest = listed[chosen].get("max_model_len")
    longest = longest if isinstance(longest, int) else None
    plain = {key: value for key, value in metrics.items() if "{" not in key}
    return Server(url, chosen, name, version, longest, plain)


def get(url: str) -> Any:
    """JSON from a URL. Raises UserError with one sentence for anything else."""
    text = fetch(Request(url))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"{url} answers something that is not JSON; is it an API server?") from None


def post(url: str, body: Any) -> Any:
    """JSON for JSON; raises as :func:`get` does."""
    data = json.dumps(body).encode()
    text = fetch(Request(url, data, {"Content-Type": "application/json"}))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"{url} answers something that is not JSON; is it an API server?") from None


def fetch(request: Request) -> str:
    """The text of an answer. Raises UserError for none, and for a status other than 200."""
    if key := os.environ.get(KEY):
        request.add_unredirected_header("Authorization", f"Bearer {key}")
    url = request.full_url
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.read(MOST_BYTES).decode("utf-8", "replace")
    except HTTPError as error:
        raise UserError(
            f"{url} answers {error.code} {error.reason}; {_advice(error.code)}."
        ) from None
    except TimeoutError:
        raise UserError(f"{url} does not answer within {TIMEOUT_S:g} s; is it busy?") from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{url} cannot be reached ({reason}); is the server running?") from None


def _advice(status: int) -> str:
    if status in (401, 403):
        return f"put its key into {KEY}"
    if status == 429:
        return "it limits how often it may be asked: lift the limit, or ask later"
    return "see the server's log"


def _models(answer: Any, url: str) -> dict[str, dict[str, Any]]:
    data = answer.get("data") if isinstance(answer, dict) else None
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    found = {row["id"]: row for row in rows if isinstance(row.get("id"), str)}
    if not found:
        raise UserError(f"{url}/models lists no model; load one into the server.")
    return found


def _metrics(root: str) -> dict[str, float]:
    """Lines of Prometheus' text format; none where the server has no /metrics."""
    try:
        text = fetch(Request(f"{root}/metrics"))
    except UserError:
        return {}
    rows = re.findall(r"^([a-zA-Z_:][\w:]*(?:\{[^\n]*\})?) ([-+.\deE]+)$", text, re.MULTILINE)
    found = {}
    for name, value in rows:
        try:
            found[name] = float(value)
        except ValueError:
            continue
    return found


def _who(root: str, model: dict[str, Any], metrics: dict[str, float]) -> tuple[str, str]:
    """Name and version, by the first that tells: metrics, the model's owner, a version's path."""
    owner = str(model.get("owned_by", ""))
    told = next((name for mark, name in _PREFIXES for key in metrics if key.startswith(mark)), "")
    owners = {"llamacpp": "llama.cpp", "library": "ollama", "vllm": "vllm", "sglang": "sglang"}
    told = told or owners.get(owner, "")
    for name, path, member in _VERSIONS:
        if told not in ("", name):
            continue
        try:
            answer = get(f"{root}{path}")
        except UserError:
            continue
        if isinstance(answer, dict) and isinstance(answer.get(member), str):
            return name, answer[member]
    return told, ""
