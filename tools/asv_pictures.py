"""Make the pictures of docs/asv.md from the pages that `make publish` has made here.

    make publish && python -m tools.asv_pictures
"""

from __future__ import annotations

import io
import sys
import threading
from pathlib import Path

from PIL import Image

from benchmarks.daily.pages import serve
from tools.browser import chromium, missing, opened

ROOT = Path(__file__).resolve().parents[1]
HTML, DOCS = ROOT / ".asv" / "html", ROOT / "docs" / "asv"
SHOTS = {
    "graph.png": ("small_ops.SiluMul.track_device_time", 760),
    "list.png": ("summarylist", 490),
}
"""Which page, and how many pixels of it from its top."""
WIDTH = 1280
COLOURS = 128


def main() -> int:
    """The exit code."""
    reason = missing() or ("" if HTML.is_dir() else f"there is no {HTML}: run make publish")
    if reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    DOCS.mkdir(exist_ok=True)
    server = serve(HTML, 0)
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
