"""Make the pictures of README.md and of the pages in docs again: `make pictures`.

Charts are files of vectors; the reports are photographed in Chromium, 1280 pixels wide. A chart
whose record is not there yet is left out: put the record into the folder, and name it on the page.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tools.browser import chromium, missing, opened
from truetpot.records.reading import read_any
from truetpot.report.html.charts.canvas import Chart
from truetpot.report.html.charts.ladder import ladder_chart
from truetpot.report.html.charts.over import over_chart
from truetpot.report.html.charts.roofline import roofline_chart
from truetpot.report.html.report import html

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "tests" / "data" / "made" / "records"


@dataclass(frozen=True)
class Drawing:
    """One chart: where it goes, which page shows it, of which record."""

    picture: str
    page: str
    record: str
    draw: Callable[[Any], Chart | None]

    def drawn(self, records: Path = RECORDS) -> str:
        """The file's content. Raises ValueError where the record has nothing to draw."""
        chart = self.draw(read_any(records / self.record))
        if chart is None:
            raise ValueError(f"{self.record} has nothing to draw for {self.picture}")
        return chart.svg("chart", alone=True) + "\n"


DRAWINGS = (
    Drawing("docs/decode.svg", "README.md", "decode-h200.json", ladder_chart),
    Drawing("docs/sweep/context.svg", "docs/sweep.md", "sweep-h200.json",
            lambda record: over_chart([record], "context")),
    Drawing("docs/sweep/batch.svg", "docs/sweep.md", "sweep-h200.json",
            lambda record: over_chart([record], "batch")),
    Drawing("docs/kernels.svg", "docs/kernels.md", "kernels-h200.json", roofline_chart),
)  # fmt: skip
READY = tuple(one for one in DRAWINGS if (RECORDS / one.record).exists())
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
    for one in READY:
        (ROOT / one.picture).parent.mkdir(exist_ok=True)
        (ROOT / one.picture).write_text(one.drawn())
    if reason := missing():
        sys.stderr.write(f"The charts are drawn; for the photographs {reason}\n")
        return 2
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
