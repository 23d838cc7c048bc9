"""A headless Chromium of the system, and what a page did in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
SANDBOX = "--no-sandbox"
"""As root, in a container, Chromium has no sandbox; what is opened here is our own."""


def executable() -> str | None:
    """Where Chromium lies; None where the system has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def missing() -> str:
    """What has to be installed first, in a sentence; empty where nothing has."""
    if find_spec("playwright") is None:
        return "playwright is not installed: pip install 'truetpot[browser]'"
    return "" if executable() else "there is no Chromium: apt install chromium"


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser for as long as it is needed, driven by playwright."""
    from playwright.sync_api import sync_playwright

    alone = [SANDBOX] if os.geteuid() == 0 else []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=executable(), args=[*alone, "--disable-gpu", "--hide-scrollbars"]
        )
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page that has been loaded, and what it asked for and complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def outside(self, allowed: tuple[str, ...] = ()) -> list[str]:
        """Requests of anything but ``allowed`` and what stands in the page itself."""
        return [url for url in self.requests if not url.startswith(("data:", *allowed))]


def opened(
    browser: Any, url: str | Path, scheme: str = "light", width: int = 1280, height: int = 900
) -> Opened:
    """Load a page: a path, or an address."""
    if isinstance(url, Path):
        url = url.absolute().as_uri()
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    found = Opened(page)
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("console", lambda message: found.complaints.append(message.text))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("requestfailed", lambda request: found.complaints.append(f"failed: {request.url}"))
    page.goto(url)
    return found
