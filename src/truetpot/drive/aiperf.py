"""AIPerf, with a configuration file: the key is read from the environment and is not in the file.

aiperf 0.13.0: ``aiperf/config/``; keys ``endpoint``, ``datasets``, ``phases``, ``artifacts``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from truetpot.drive.engine import PROMPTS, Load, write_lines, write_tokenizer
from truetpot.drive.server import KEY
from truetpot.files import write_whole

CONFIG = "aiperf.yaml"
ARTIFACTS = "artifacts"


class AIPerf:
    """NVIDIA's AIPerf: time stamps of every chunk, counts of the server, several processes."""

    name = "aiperf"
    takes_key = True
    whole = True

    def prepare(self, load: Load, folder: Path) -> list[str]:
        """Prompts, a configuration (JSON is YAML), and a tokenizer that counts nothing."""
        rows = [{"text": text, "output_length": load.output_tokens} for text in load.prompts]
        write_lines(folder / PROMPTS, rows)
        write_tokenizer(folder)
        config = json.dumps(self.config(load, folder), indent=1) + "\n"
        write_whole(folder / CONFIG, config, "--out")
        return ["profile", "--config", CONFIG]

    def config(self, load: Load, folder: Path) -> dict[str, Any]:
        """The configuration file that AIPerf reads for this load."""
        endpoint: dict[str, Any] = {
            "urls": [load.server.url],
            "type": load.endpoint,
            "path": f"/{load.path}",
            "streaming": True,
            "use_server_token_count": True,
            "timeout": load.timeout_s,
            # llama.cpp's server closes a connection that was idle for 5 s or had 100 requests, and
            # a request that is sent at that moment is lost
            "connection_reuse": "never",
            "extra": {"temperature": 0, **load.server.kind.asks(load.output_tokens)},
        }
        if os.environ.get(KEY):
            endpoint["api_key"] = f"${{{KEY}}}"
        at = {"type": "concurrency", "concurrency": load.concurrency}
        phases = [{"name": "profiling", "kind": "profiling", "requests": load.requests, **at}]
        if load.warm_up:
            first = {"name": "warmup", "kind": "warmup", "requests": load.warm_up, **at}
            phases.insert(0, first | {"exclude_from_results": True})
        data = {"name": "main", "type": "file", "path": PROMPTS, "format": "single_turn"}
        return {
            "schemaVersion": "2.0",
            "benchmark": {
                "model": load.server.model,
                "endpoint": endpoint,
                "datasets": [data | {"sampling": "sequential"}],
                "phases": phases,
                "artifacts": {"dir": str((folder / ARTIFACTS).absolute()), "records": ["jsonl"]},
                "tokenizer": {"name": str((folder / "tokenizer").absolute())},
                "gpu_telemetry": {"enabled": False},
                "server_metrics": {"enabled": False},
                "runtime": {"ui": "none"},
            },
        }

    def result(self, folder: Path) -> Path:
        """One line a request, with the time of every chunk."""
        return folder / ARTIFACTS / "profile_export.jsonl"
