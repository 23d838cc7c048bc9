"""What the suite takes for granted of asv 0.6 and its documentation does not promise."""

import math

import pytest

from benchmarks.common import samples

BENCHMARK = """
import os
from asv_runner.benchmarks.mark import SkipNotImplemented

class Bridge:
    version = "1"
    unit = "seconds"
    params = (["timed", "skipped", "wrong"],)

    def track_time(self, what):
        if what == "skipped":
            print("the reason")
            raise SkipNotImplemented
        assert what != "wrong", "this kernel"
        base = float(os.environ["BASE"])
        return {"samples": [base * (1 + i / 100) for i in range(10)], "number": 1}

    track_time.rounds = 2

    def time_nothing(self, what):
        pass
"""
NAME = "bridge.Bridge.track_time"


@pytest.fixture
def project(new_project):
    project = new_project("asv.conf.json")
    folder = project.path / "benchmarks"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "bridge.py").write_text(BENCHMARK)
    return project


def test_samples_are_stored_pooled_and_compared(project):
    commits = [project.commit("first")]
    for text in ("equal", "slower"):
        (project.path / "change").write_text(text)
        commits.append(project.commit(text))
    for commit, base in zip(commits, (1.0, 1.01, 1.25), strict=True):
        done = project.run(commit, "track_time", "--record-samples", BASE=str(base))
        assert done.code == 2, "a wrong kernel is an error of the run"
        assert "the reason" in done.said
        assert "this kernel" in done.said

    stored = project.results(commits[0])[NAME]
    assert stored["version"] == "1"
    assert stored["result"][0] == pytest.approx(1.045)
    assert math.isnan(stored["result"][1]), "n/a"
    assert stored["result"][2] is None, "failed"
    assert len(stored["samples"][0]) == 20, "of two processes, one a round"
    assert 1.0 <= stored["stats_ci_99_a"][0] < 1.045 < stored["stats_ci_99_b"][0] <= 1.09

    first, equal, slower = commits
    assert project.changed(first, equal) == []
    ((mark, name),) = project.changed(first, slower)
    assert mark == "+"
    assert "timed" in name
    ((mark, _),) = project.changed(slower, first)
    assert mark == "-"


def test_an_attribute_on_the_command_line_sets_the_processes(project):
    commit = project.commit("first")
    args = ["--record-samples", "-a", "rounds=3"]
    project.run(commit, r"track_time\(.timed", *args, BASE="1")
    assert len(project.results(commit)[NAME]["samples"][0]) == 30


def test_samples_go_in_consecutive_groups():
    given = [1.0] * 10 + [2.0] * 10 + [3.0] * 80
    assert samples(given) == {"samples": [1.0, 2.0] + [3.0] * 8, "number": 1}
    assert samples([4.0] * 10)["samples"] == [4.0] * 10
    assert len(samples(range(1, 14))["samples"]) == 10
