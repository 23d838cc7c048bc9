"""Results that a repository keeps: what was measured is all there, and makes the same pages."""

import json

import pytest

from benchmarks.daily.pages import publish_of
from tools.asv_kept import keep
from truetpot.errors import UserError

NAME = "kernel.Kernel.track_time"
BENCHMARK = """
from asv_runner.benchmarks.mark import SkipNotImplemented

class Kernel:
    version = "1"
    unit = "seconds"
    params = (["numba", "torch", "triton"], [1, 8])
    param_names = ("provider", "rows")

    def track_time(self, provider, rows):
        if provider == "numba" or (provider, rows) == ("triton", 1):
            raise SkipNotImplemented("n/a")
        return {"samples": [rows * (1 + i / 100) for i in range(10)], "number": 1}


class Absent:
    version = "1"

    def track_time(self):
        raise SkipNotImplemented("n/a")
"""


@pytest.fixture
def measured(new_project):
    project = new_project("asv.conf.json")
    folder = project.path / "benchmarks"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "kernel.py").write_text(BENCHMARK)
    commit = project.commit("one")
    done = project.run(commit, ".", "--record-samples")
    assert done.code == 0, done.said
    return project


def drawn(html):
    """By file below ``graphs``, what it draws: revisions and times."""
    files = (html / "graphs").glob("**/*.json")
    return {file.name: json.loads(file.read_text()) for file in files if "Kernel" in file.name}


def test_what_was_measured_is_kept_and_nothing_else(measured, tmp_path):
    results = measured.path / ".asv" / "results"
    kept = tmp_path / "kept"
    keep(results, kept)

    about = json.loads((kept / "benchmarks.json").read_text())
    assert [name for name in about if name != "version"] == [NAME]
    assert about[NAME]["params"] == [["'torch'", "'triton'"], ["1", "8"]]
    (stored,) = kept.glob("*/*-existing.json")
    found = json.loads(stored.read_text())
    row = dict(zip(found["result_columns"], found["results"][NAME], strict=False))
    assert row["result"] == pytest.approx([1.045, 8.36, float("nan"), 8.36], nan_ok=True)
    assert [len(samples or ()) for samples in row["samples"]] == [10, 10, 0, 10]
    assert str(measured.path) not in stored.read_text()

    config = measured.path / "asv.conf.json"
    before = drawn(publish_of(config))
    html = publish_of(config, kept)
    after = drawn(html)
    assert before.keys() == after.keys()
    for name, points in after.items():
        whole = before[name]
        assert [revision for revision, _ in points] == [revision for revision, _ in whole]
        if name == f"{NAME}.json":
            assert [times for _, times in points] == [times[2:] for _, times in whole]


def test_a_folder_without_results_is_refused(new_project, tmp_path):
    project = new_project("asv.conf.json")
    with pytest.raises(UserError, match="There are no results of ASV in"):
        publish_of(project.path / "asv.conf.json", tmp_path)
