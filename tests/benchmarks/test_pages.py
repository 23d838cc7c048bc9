"""The published pages in a headless Chromium: no complaint, and no request that leaves them."""

import os
import threading

import pytest

from benchmarks.daily.pages import localise, serve
from tools.browser import chromium, missing, opened
from truetpot.errors import UserError

pytestmark = pytest.mark.browser

BENCHMARK = """
import os

class Kernel:
    version = "1"
    unit = "seconds"
    params = (["torch", "numba"], [1, 8])
    param_names = ("provider", "batch")

    def track_time(self, provider, batch):
        base = float(os.environ["BASE"])
        return {"samples": [base * batch * (1 + i / 100) for i in range(10)], "number": 1}

    track_time.rounds = 2
"""
LEVELS = (1.0, 1.01, 1.5, 1.51)
"""Times of the commits: there is a regression to be shown."""
PAGES = {
    "": "Kernel",
    "summarylist": "Kernel",
    "regressions": "Kernel",
    "kernel.Kernel.track_time": "",
}


@pytest.fixture(scope="module")
def browser():
    if reason := missing():
        (pytest.fail if os.environ.get("TRUETPOT_NEED_BROWSER") else pytest.skip)(reason)
    with chromium() as found:
        yield found


@pytest.fixture
def published(new_project):
    """The pages of a project with some commits, still as asv makes them."""
    project = new_project("asv.conf.json")
    folder = project.path / "benchmarks"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "kernel.py").write_text(BENCHMARK)
    for i, base in enumerate(LEVELS):
        (project.path / "change").write_text(str(i))
        commit = project.commit(f"change {i}")
        done = project.run(commit, "track_time", "--record-samples", BASE=str(base))
        assert done.code == 0, done.said
    done = project.asv("publish")
    assert done.code == 0, done.said
    return project.path / ".asv" / "html"


@pytest.fixture
def address(published):
    """Where they are served."""
    server = serve(published, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_page_opens_and_asks_nobody_else(browser, published, address, tmp_path):
    one = opened(browser, address)
    before = one.outside((address,))
    assert any("code.jquery.com" in url for url in before), "there is something to be found"
    one.page.close()

    try:
        put = localise(published, tmp_path / "store")
    except UserError as error:
        if "npm" not in str(error) or os.environ.get("TRUETPOT_NEED_BROWSER"):
            raise
        pytest.skip(str(error))
    assert len(put) == 10

    for page, words in PAGES.items():
        one = opened(browser, f"{address}#/{page}")
        one.page.wait_for_load_state("networkidle")
        assert one.complaints == [], page
        assert one.outside((address,)) == [], page
        assert words in one.page.locator("body").inner_text(), page
        if page.startswith("kernel."):
            assert one.page.locator("#main-graph canvas").count() >= 1
        if page == "regressions":
            assert "1.5" in one.page.locator("body").inner_text()
        one.page.close()
