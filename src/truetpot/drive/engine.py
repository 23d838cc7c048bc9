"""What a load generator has to offer: a command for one point, and the file that it leaves."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from truetpot.drive.server import KEY, Server
from truetpot.errors import UserError
from truetpot.files import write_whole

ENDS_S = 10.0
"""How long a load generator may take to end when it is told to."""
STARTS_S = 180.0
"""What it may take to start and to write its files, beside the requests themselves."""
PROMPTS = "prompts.jsonl"
LOG = "engine.log"
_TOKENIZER = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
}
"""Engines load a tokenizer even where all counts are the server's: this one, which counts
nothing, so that none is fetched."""


@dataclass(frozen=True)
class Load:
    """One point: so many requests, so many of them at once."""

    server: Server
    endpoint: str
    """``completions`` or ``chat``."""
    prompts: Sequence[str]
    """A text each request; the warm-up takes the first ones, which are not sent again."""
    output_tokens: int
    concurrency: int
    warm_up: int
    """Requests before the measured ones."""
    timeout_s: float
    """Of a request."""

    @property
    def requests(self) -> int:
        """Number of requests that are measured, without the warm-up."""
        return len(self.prompts) - self.warm_up

    @property
    def path(self) -> str:
        """Path of the endpoint below the server's URL."""
        return "chat/completions" if self.endpoint == "chat" else "completions"


class Engine(Protocol):
    """An existing load generator, run as a program of its own."""

    name: str
    """Of the program, and of its package on PyPI."""
    takes_key: bool
    """Whether it reads the API key from the environment."""
    whole: bool
    """Whether every request that is measured is in its result; else those at the edge of the
    warm-up are not."""

    def prepare(self, load: Load, folder: Path) -> list[str]:
        """Write what it reads into the folder; the arguments that run the point."""

    def result(self, folder: Path) -> Path:
        """The file of per-request records that it leaves, which ``check`` reads."""


@dataclass(frozen=True)
class Used:
    """What the client itself cost: wall and processor time."""

    wall_s: float
    cpu_s: float
    """Processor time, of all its processes."""


def program(engine: Engine) -> str:
    """The program, beside this Python or on PATH. Raises UserError where it is not installed."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    found = shutil.which(engine.name, path=path)
    if found is None:
        raise UserError(
            f"{engine.name} is not installed: pip install {engine.name}, best into an environment "
            "of its own whose bin is on PATH."
        )
    return found


def version(engine: Engine) -> str:
    """As the program tells it; "" where it does not."""
    told = subprocess.run(
        [program(engine), "--version"], capture_output=True, text=True, env=_environment(),
        timeout=STARTS_S, check=False,
    )  # fmt: skip
    words = told.stdout.split()
    return words[-1] if words else ""


def run(engine: Engine, load: Load, folder: Path) -> Used:
    """Run one point in a folder of its own, which is made anew.

    What the engine prints goes into ``engine.log``. Raises UserError where the engine fails, takes
    too long or leaves no result. Whatever ends this, the engine is ended too.
    """
    if os.environ.get(KEY) and not engine.takes_key:
        raise UserError(
            f"{engine.name} takes an API key on its command line alone, where others see it; use "
            "--engine aiperf."
        )
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier run left is not this one's
    folder.mkdir(parents=True)
    command = [program(engine), *engine.prepare(load, folder)]
    rounds = -(-len(load.prompts) // load.concurrency) + 1
    before, start = _children_s(), time.monotonic()
    # AIPerf maps its prompts into a temporary file, which it leaves where it is killed
    with TemporaryDirectory() as temporary, (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=_environment(folder, temporary), start_new_session=True,
        )  # fmt: skip
        limit_s = STARTS_S + rounds * load.timeout_s
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise UserError(
                f"{engine.name} did not end within {limit_s:g} s; the server answers too slowly or "
                f"not at all ({folder / LOG})."
            ) from None
        finally:
            _end(process)
    used = Used(time.monotonic() - start, _children_s() - before)
    if not engine.result(folder).is_file():
        raise UserError(f"{engine.name} ended with {code} and no result; see {folder / LOG}.")
    return used


def write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the rows as JSON Lines, whole or not at all."""
    write_whole(path, "".join(json.dumps(row) + "\n" for row in rows), "--out")


def write_tokenizer(folder: Path) -> str:
    """Write the tokenizer that counts nothing; its own folder, absolute."""
    where = folder.absolute() / "tokenizer"
    where.mkdir(exist_ok=True)
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}
    write_whole(where / "tokenizer.json", json.dumps(_TOKENIZER), "--out")
    write_whole(where / "tokenizer_config.json", json.dumps(about), "--out")
    return str(where)


def _environment(folder: Path | None = None, temporary: str = "") -> dict[str, str]:
    """This process' own, without what shows it our modules; caches, which hold prompts, lie in the
    folder."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    own = {"NO_COLOR": "1", "COLUMNS": "200"}
    if folder is not None:
        own |= {"HF_DATASETS_CACHE": str(folder.absolute() / "cache"), "TMPDIR": temporary}
    return kept | own


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the engine's whole group, politely first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(ENDS_S)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
