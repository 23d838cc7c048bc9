"""guidellm, by its command line of 0.8: ``guidellm run`` with a kind and its settings an option."""

from __future__ import annotations

import json
from pathlib import Path

from truetpot.drive.engine import PROMPTS, Load, write_lines, write_tokenizer

RESULT = "guidellm.json"


class GuideLLM:
    """guidellm: first and last token of each request, counts of the server."""

    name = "guidellm"
    takes_key = False
    whole = False

    def prepare(self, load: Load, folder: Path) -> list[str]:
        """Prompts and arguments. The warm-up is a share of the requests, which its report names."""
        rows = [
            {"prompt": text, "output_tokens_count": load.output_tokens} for text in load.prompts
        ]
        write_lines(folder / PROMPTS, rows)
        body = {"temperature": 0, **load.server.kind.asks(load.output_tokens)}
        backend = {
            "kind": "openai_http",
            "target": load.server.root,
            "model": load.server.model,
            "request_format": f"{load.server.url.removeprefix(load.server.root)}/{load.path}",
            "validate_backend": False,
            "timeout": load.timeout_s,
            "extras": {"body": body},
        }
        here = folder.absolute()
        profile = {
            "kind": "concurrent",
            "streams": [load.concurrency],
            "warmup": {"value": load.warm_up, "mode": "requests"},
        }
        return [
            "run",
            *("--backend", json.dumps(backend)),
            *("--profile", json.dumps(profile)),
            *("--constraint", f"kind=max_requests,count={len(load.prompts)}"),
            *("--data", json.dumps({"kind": "json_file", "path": f"{here / PROMPTS}"})),
            *("--tokenizer", json.dumps({"kind": "hf_auto", "model": write_tokenizer(folder)})),
            *("--output", json.dumps({"kind": "json", "path": f"{here / RESULT}"})),
            "--disable-console",
        ]

    def result(self, folder: Path) -> Path:
        """The report of one benchmark."""
        return folder / RESULT
