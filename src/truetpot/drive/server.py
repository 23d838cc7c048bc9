"""What a server tells of itself, asked for with single GET requests."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from truetpot.drive.known import Known, known, servers
from truetpot.errors import UserError
from truetpot.text import shortened

KEY = "OPENAI_API_KEY"
"""The environment variable that has the server's API key."""
TIMEOUT_S = 10.0
MOST_BYTES = 16 << 20
"""Of an answer: the longest /metrics of vLLM have a few hundred kB."""


@dataclass(frozen=True)
class Server:
    """A live server, by what it tells; "" and None are what it does not."""

    url: str
    """Ends with ``/v1``, or another version."""
    model: str
    name: str = ""
    """A key of ``servers.toml``; "" where nothing told which it is."""
    version: str = ""
    max_tokens: int | None = None
    """Of a prompt and its output together."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Of /metrics, as :func:`read_metrics` has them, when it was asked."""

    @property
    def kind(self) -> Known:
        """What ``servers.toml`` knows of servers of this name."""
        return known(self.name)

    @property
    def root(self) -> str:
        """The server's URL without its ``/v1``."""
        return self.url.rpartition("/")[0]


def base(url: str) -> str:
    """The URL with ``/v1`` at its end, or with the version that it has: OpenVINO Model Server's
    is ``/v3``. Raises UserError for one that is no HTTP address, or that
    has a user's name in it: a record keeps the URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{shortened(url)!r} is no address; give one such as http://host:8000/v1.")
    if parts.username or parts.password or parts.query:
        raise UserError(f"Keep names and keys out of the address; put the key into {KEY}.")
    plain = url.rstrip("/")
    return plain if re.search(r"/v\d+$", plain) else f"{plain}/v1"


def look(url: str, model: str | None = None) -> Server:
    """The server at a URL, and the model to ask it for.

    Raises UserError where it cannot be reached, answers something else than a list of models, or
    has several and ``model`` names none of them.
    """
    url = base(url)
    root = url.rpartition("/")[0]
    answer = get(f"{url}/models")
    metrics = read_metrics(root)
    rows = _models(answer)
    name, version = _who(root, rows, metrics)
    chosen = _choose(rows, model, url, name)
    longest = rows.get(chosen, {}).get("max_model_len")
    longest = longest if isinstance(longest, int) else None
    return Server(url, chosen, name, version, longest, metrics)


def _choose(rows: Mapping[str, Any], model: str | None, url: str, name: str) -> str:
    """The model to ask for: that of the list, or the one named."""
    names = ", ".join(list(rows)[:8])
    if known(name).lists_cache:
        if model is None:
            raise UserError(
                f"{url} lists what lies in a cache, and not what it serves; name that with "
                "--served, as the server was given it."
            )
        return model
    if not rows:
        raise UserError(f"{url}/models lists no model; load one into the server.")
    if model is None and len(rows) > 1:
        raise UserError(f"{url} serves {names}; choose one with --served.")
    chosen = model or next(iter(rows))
    if chosen not in rows:
        raise UserError(f"{url} does not serve {chosen!r}, but {names}.")
    return chosen


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


def _models(answer: Any) -> dict[str, dict[str, Any]]:
    """Rows of /v1/models by their names."""
    data = answer.get("data") if isinstance(answer, dict) else None
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    return {row["id"]: row for row in rows if isinstance(row.get("id"), str)}


def read_metrics(root: str) -> dict[str, float]:
    """/metrics in Prometheus' text format, by name; none where the server has no such path.

    Of a name with labels the sum over all of them, which is right for counters and for sums and
    counts of histograms; their buckets are left out.
    """
    try:
        text = fetch(Request(f"{root}/metrics"))
    except UserError:
        return {}
    found: dict[str, float] = {}
    for line in re.finditer(
        r"^([a-zA-Z_:][\w:]*)(?:\{[^\n]*\})? ([-+.\deE]+)(?: \d+)?$", text, re.MULTILINE
    ):
        try:
            value = float(line[2])
        except ValueError:
            continue
        if not line[1].endswith("_bucket"):
            found[line[1]] = found.get(line[1], 0.0) + value
    return found


def _who(
    root: str, rows: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, float]
) -> tuple[str, str]:
    """Name and version, by the first that tells: metrics, the models' owner, the paths it has."""
    owners = {str(row.get("owned_by", "")) for row in rows.values()} - {""}
    marks = [
        (name, kind)
        for name, kind in servers().items()
        if (kind.metrics and any(key.startswith(kind.metrics) for key in metrics))
        or kind.owner in owners
    ]
    told = marks[0][0] if marks else ""
    for name, kind in servers().items():
        for path, member in kind.version if told in ("", name) else ():
            if version := _member(f"{root}{path}", member):
                return name, version
    if not told and (paths := _get(f"{root}/openapi.json").get("paths")):
        told = next((n for n, k in servers().items() if k.paths and set(k.paths) <= set(paths)), "")
    return told, ""


def _member(url: str, member: str) -> str:
    """A text of an answer; "" where there is none."""
    found = _get(url).get(member)
    return found if isinstance(found, str) else ""


def _get(url: str) -> dict[str, Any]:
    """An answer that is an object; an empty one for any other and for none."""
    try:
        answer = get(url)
    except UserError:
        return {}
    return answer if isinstance(answer, dict) else {}
