"""The published pages in a headless Chromium: no complaint, and no request that leaves them."""

import json
import os
import re
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.daily.pages import localise, publish_of, serve
from tools.browser import chromium, missing, opened
from truetpot.errors import UserError

pytestmark = pytest.mark.browser

KEPT = Path(__file__).parents[1] / "data" / "made" / "asv"

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


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Where npm puts what the pages load, once."""
    return tmp_path_factory.mktemp("store")


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
def of_a_card(new_project, tmp_path):
    """The pages of what an H200 measured, in a repository with as many commits."""
    project = new_project("asv.xpu.conf.json")
    shutil.copytree(KEPT, tmp_path / "kept")
    files = (tmp_path / "kept").glob("*/*-*.json")
    stored = {file: json.loads(file.read_text()) for file in files}
    for file, result in sorted(stored.items(), key=lambda each: each[1]["date"]):
        (project.path / "change").write_text(result["commit_hash"])
        commit = project.commit(f"stands for {result['commit_hash']}")
        named = file.with_name(f"{commit[:8]}-existing.json")
        named.write_text(json.dumps({**result, "commit_hash": commit}))
        file.unlink()
    return publish_of(project.path / "asv.xpu.conf.json", tmp_path / "kept")


@contextmanager
def served(html):
    """Their address."""
    server = serve(html, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def made_whole(html, store):
    try:
        put = localise(html, store)
    except UserError as error:
        if "npm" not in str(error) or os.environ.get("TRUETPOT_NEED_BROWSER"):
            raise
        pytest.skip(str(error))
    assert len(put) == 10


def shown(browser, address, page):
    """The page, once it is drawn, which complains of nothing and has asked nobody else."""
    one = opened(browser, f"{address}#/{page}")
    one.page.wait_for_load_state("networkidle")
    assert one.complaints == [], page
    assert one.outside((address,)) == [], page
    return one.page


def test_every_page_opens_and_asks_nobody_else(browser, published, store):
    with served(published) as address:
        one = opened(browser, address)
        before = one.outside((address,))
        assert any("code.jquery.com" in url for url in before), "there is something to be found"
        one.page.close()

        made_whole(published, store)
        for page, words in PAGES.items():
            one = shown(browser, address, page)
            assert words in one.locator("body").inner_text(), page
            if page.startswith("kernel."):
                assert one.locator("#main-graph canvas").count() >= 1
            if page == "regressions":
                assert "1.5" in one.locator("body").inner_text()
            one.close()


def test_what_a_card_measured_is_shown(browser, of_a_card, store):
    """Those results are pictures in docs/asv.md: each is in the list, and each has its curve."""
    made_whole(of_a_card, store)
    benchmarks = json.loads((of_a_card / "index.json").read_text())["benchmarks"]
    with served(of_a_card) as address:
        page = shown(browser, address, "summarylist")
        rows = [row.split("\t") for row in page.locator("tbody tr").all_inner_texts()]
        assert {name.split()[0] for name, *_ in rows} == set(benchmarks)
        assert all(re.fullmatch(r"[\d.]+[mμµ]s", time) for _, time, *_ in rows), rows
        assert len(rows) >= 3
        page.close()
        for name in benchmarks:
            page = shown(browser, address, name)
            page.locator("#main-graph canvas").first.wait_for()
            assert "h200" in page.locator("body").inner_text()
            page.close()
