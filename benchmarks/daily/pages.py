"""The pages of ``asv publish``, made whole: what they load from a CDN is put beside them.

npm fetches it once; afterwards nothing leaves the machine, neither to make the pages nor to look at
them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from truetpot.errors import UserError

SCRIPTS = tomllib.loads((Path(__file__).parent / "scripts.toml").read_text())["script"]
VENDOR = "vendor"
FONTS = "dist/fonts/"
"""What Bootstrap's style sheet names beside itself."""
_LINK = re.compile(r'(<(?:script|link)\b[^>]*?\b(?:src|href)=")(https?://[^"]+)("[^>]*>)')
_GUARDS = re.compile(r'\s(?:integrity|crossorigin|referrerpolicy)="[^"]*"')


def publish_of(config: Path, results: Path | None = None, rest: Sequence[str] = ()) -> Path | None:
    """Let asv make its pages; the folder where they are, None where asv failed.

    ``config`` is a configuration at the top of a repository. Its ``results_dir`` is published, or
    ``results``, another such folder. For that asv has no option: it is given a configuration with
    the absolute paths of this one. Raises UserError where there are no results.
    """
    from asv.util import load_json

    root = config.parent
    told = load_json(str(config), js_comments=True)
    if results is not None:
        told |= {key: str(root / told[key]) for key in ("repo", "benchmark_dir", "html_dir")}
        told["results_dir"] = str(results.resolve())
        config = root / ".asv" / "results-elsewhere.json"
        config.parent.mkdir(exist_ok=True)
        config.write_text(json.dumps(told))
    if not (root / told["results_dir"] / "benchmarks.json").is_file():
        raise UserError(
            f"There are no results of ASV in {told['results_dir']}: it has no benchmarks.json."
        )
    command = [sys.executable, "-m", "asv", "--config", str(config), "publish", *rest]
    done = subprocess.run(command, cwd=root, check=False)
    return None if done.returncode else root / told["html_dir"]


def localise(html: Path, store: Path) -> list[Path]:
    """Let the pages in ``html`` load nothing from elsewhere; the files that were put there.

    ``store`` keeps the packages that npm fetched. Raises UserError where a page of this asv loads
    something that ``scripts.toml`` does not know, or npm cannot fetch it.
    """
    page = html / "index.html"
    if not page.is_file():
        raise UserError(f"There is no {page}: run asv publish first.")
    put: list[Path] = []

    def beside(match: re.Match[str]) -> str:
        file = _file(match[2], store)
        target = html / VENDOR / file.relative_to(store)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
        put.append(target)
        tag = f"{match[1]}{target.relative_to(html).as_posix()}{match[3]}"
        return _GUARDS.sub("", tag)

    page.write_text(_LINK.sub(beside, page.read_text()))
    for fonts in {target.parent.parent / "fonts" for target in put if target.suffix == ".css"}:
        shutil.copytree(store / fonts.relative_to(html / VENDOR), fonts, dirs_exist_ok=True)
    return put


def serve(html: Path, port: int = 8080) -> ThreadingHTTPServer:
    """A server of the pages on this machine's own address; port 0 for any that is free."""
    handler = partial(_Quiet, directory=str(html))
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UserError(f"Port {port} cannot be used ({error.strerror}): give --port.") from error


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing of each request."""


def _file(url: str, store: Path) -> Path:
    """The file that an address stands for, fetched if it is not here yet, and compared."""
    script = next((one for one in SCRIPTS if url.startswith(one["link"])), None)
    if script is None:
        raise UserError(
            f"The pages of this asv load {url}, which benchmarks/daily/scripts.toml does not name: "
            "add it there."
        )
    folder = store / script["package"]
    file: Path = folder / script["file"]
    if not file.is_file():
        _fetch(script["package"], folder)
    if hashlib.sha256(file.read_bytes()).hexdigest() != script["sha256"]:
        raise UserError(f"{file} is not the file that was tried: remove {folder} and try again.")
    return file


def _fetch(package: str, folder: Path) -> None:
    """Unpack what the registry has of a package: only scripts, style sheets and fonts of it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["npm", "pack", "--silent", package],
            cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise UserError("npm fetches what the pages load: install it (apt install npm).") from error
    if done.returncode:
        raise UserError(f"npm cannot fetch {package}: {done.stderr.strip().splitlines()[-1:]}.")
    archive = folder / done.stdout.split()[-1]
    wanted = {one["file"] for one in SCRIPTS if one["package"] == package}
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            inside = member.name.partition("/")[2]
            if member.isfile() and (inside in wanted or inside.startswith(FONTS)):
                member.name = inside
                packed.extract(member, folder, filter="data")
    archive.unlink()
