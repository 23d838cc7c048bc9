"""Real servers, each in a process of its own, while a block runs."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from truetpot.drive.engine import program
from truetpot.errors import UserError

STARTS_S = 300
"""torch is imported, and a model loaded, on a machine that may be busy."""


def need(found, what, target):
    """Skip, or fail where ``make`` brings what is missing."""
    if not found:
        reason = f"no {what}: run make {target}"
        wanted = os.environ.get(f"TRUETPOT_NEED_{target.removeprefix('test-').upper()}")
        (pytest.fail if wanted else pytest.skip)(reason)


def need_engine(engine):
    """Skip, or fail, where a load generator is not installed."""
    try:
        program(engine)
    except UserError:
        need(None, engine.name, "test-drive")


@contextmanager
def transformers_serve(model, folder):
    """``transformers serve``, on the CPU; gives its URL. It lists an empty cache, as it must have
    one to list."""
    served = all(map(find_spec, ("fastapi", "uvicorn", "accelerate")))
    need(served, "transformers serve", "test-drive")
    (folder / "hf" / "hub").mkdir(parents=True)
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    port = _free()
    command = ["-m", "transformers.cli.transformers", "serve", str(model), "--device", "cpu"]
    with _running(
        [sys.executable, *command, "--port", str(port)], port, folder, environment
    ) as url:
        yield url


@contextmanager
def llama_server(gguf, folder, *options):
    """llama.cpp's server; gives its URL."""
    program = os.environ.get("TRUETPOT_LLAMA_SERVER") or shutil.which("llama-server")
    need(program, "llama-server", "test-llama")
    port = _free()
    command = [program, "-m", str(gguf), "--port", str(port), "--metrics", *options]
    with _running(command, port, folder, os.environ) as url:
        yield url


def _free():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


@contextmanager
def _running(command, port, folder, environment):
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        end = time.monotonic() + STARTS_S
        while not _healthy(port):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _healthy(port):
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False
