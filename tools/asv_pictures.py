"""Make the pictures of docs/asv.md: pages of the results that this repository keeps, photographed.

    python -m tools.asv_pictures

Their commits have to be in this clone.
"""

from __future__ import annotations

import io
import sys
import threading
from pathlib import Path

from PIL import Image

from benchmarks.daily.pages import localise, publish_of, serve
from tools.browser import chromium, missing, opened

ROOT = Path(__file__).resolve().parents[1]
CONFIG, DOCS = ROOT / "asv.xpu.conf.json", ROOT / "docs" / "asv"
KEPT = ROOT / "tests" / "data" / "made" / "asv"
SHOTS = {
    "graph.png": ("linear.Linear.track_device_time", 760),
    "list.png": ("summarylist", 275),
}
"""Which page, and how many pixels of it from its top."""
WIDTH = 1280
COLOURS = 128


def main() -> int:
    """The exit code."""
    if reason := missing():
        sys.stderr.write(f"{reason}\n")
        return 2
    html = publish_of(CONFIG, KEPT)
    if html is None:
        return 2
    localise(html, ROOT / ".asv" / "npm")
    DOCS.mkdir(exist_ok=True)
    server = serve(html, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with chromium() as browser:
        for name, (page, height) in SHOTS.items():
            address = f"http://127.0.0.1:{server.server_port}/#/{page}"
            shown = opened(browser, address, "light", WIDTH, height)
            shown.page.wait_for_load_state("networkidle")
            shown.page.wait_for_timeout(1500)  # the curves are drawn after the data has come
            image = Image.open(io.BytesIO(shown.page.screenshot())).convert("RGB")
            image.quantize(COLOURS, dither=Image.Dither.NONE).save(DOCS / name, optimize=True)
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
