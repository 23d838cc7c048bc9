"""Make the pictures of README.md and docs/report.md again: `make pictures`.

The ladder is a file of vectors; the reports are photographed in Chromium, 1280 pixels wide.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tools.browser import chromium, missing, opened
from truetpot.records.reading import read_any
from truetpot.report.html.report import html, svg

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "tests" / "data" / "made" / "records"
LADDER = ("docs/decode.svg", "decode-h200.json")
SHOTS = {
    "docs/report/decode.png": ("decode-h200.json", "light", 1030),
    "docs/report/kernels.png": ("kernels.json", "light", 1280),
    "docs/report/check.png": ("check-with-floor-a3-guidellm-reasoning.json", "light", 860),
    "docs/report/trace.png": ("trace.json", "dark", 1180),
}
"""Where each lies: of which record, in which colours, how many pixels of the page from its top."""
WIDTH = 1280
COLOURS = 224
"""Of a PNG: what a page of few colours needs to be small."""


def main() -> int:
    """The exit code."""
    if reason := missing():
        sys.stderr.write(f"{reason}\n")
        return 2
    picture, name = LADDER
    drawn = svg(read_any(RECORDS / name))
    assert drawn is not None
    (ROOT / picture).write_text(drawn)
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for picture, (name, scheme, height) in SHOTS.items():
            page = Path(folder) / f"{Path(picture).stem}.html"
            page.write_text(html([read_any(RECORDS / name)], [name]))
            shown = opened(browser, page, scheme, WIDTH, height)
            image = Image.open(io.BytesIO(shown.page.screenshot())).convert("RGB")
            (ROOT / picture).parent.mkdir(exist_ok=True)
            image.quantize(COLOURS, dither=Image.Dither.NONE).save(ROOT / picture, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
