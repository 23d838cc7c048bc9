"""A commit is slower where all of its processes are, beyond the threshold of the benchmark."""

import json
import sys
from pathlib import Path

import pytest
from asv.config import Config

from benchmarks.daily.judge import Judged, Pair, judge, processes, threshold

ROOT = Path(__file__).parents[2]
BENCHMARK = """
import json, os

class Bridge:
    version = "1"
    unit = "seconds"
    params = (["cpu"], ["steady", "one", "slower", "faster", "broken"])
    param_names = ("device", "what")

    def track_time(self, device, what):
        times = json.loads(os.environ["TIMES"])
        return {"samples": [times[what] * (1 + i / 100) for i in range(10)], "number": 1}

    track_time.rounds = 1

    def track_number(self, device, what):
        return json.loads(os.environ["TIMES"])["steady"]
"""


@pytest.mark.parametrize(
    ("new", "slower"),
    [
        ((1.12, 1.13, 1.2), True),
        ((1.12, 1.13, 1.05), False),  # a process disagrees
        ((1.0, 9.0, 9.0), False),
        ((1.0, 1.01, 0.99), False),
    ],
)
def test_slower_is_what_all_processes_say(new, slower):
    pair = Pair("x", (1.0, 1.01, 0.98), new, 0.1)
    assert pair.slower == slower
    assert Judged((pair,), ()).code == int(slower)
    assert Pair("x", new, pair.old, 0.1).faster == slower


@pytest.mark.parametrize("few", [1, 2])
def test_few_processes_judge_nothing(few):
    found = Judged((Pair("x", (1.0,) * 3, (9.0,) * few, 0.1),), ())
    assert found.code == 0
    assert [*found.lines()] == [
        "0 of 1 benchmarks have not changed beyond their threshold",
        "1 were not judged: a commit has fewer than 3 processes of them",
    ]


def judged(lost=(), **ratios):
    pairs = [Pair(name, (1.0,) * 3, (ratio,) * 3, 0.1) for name, ratio in ratios.items()]
    return Judged(tuple(pairs), tuple(lost))


def test_a_change_has_to_be_there_twice():
    """The second measurement has the changed ones; what it says of others is not asked."""
    first = judged(["a"], u=2.0, v=2.0, w=2.0, x=0.5, y=0.5, z=1.0)
    assert [one.name for one in first.changed] == [*"uvwxy"]
    found = first.confirmed(judged(["a", "b"], u=1.5, v=1.0, w=0.5, x=0.6, y=2.0, z=9.0))
    assert [one.ratio for one in found.pairs] == [1.5, 1.0, 0.5, 0.6, 2.0, 1.0]
    assert [one.name for one in found.chosen("slower")] == ["u"]
    assert [one.name for one in found.chosen("faster")] == ["x"]
    assert (found.lost, found.code) == (("a", "b"), 2)
    assert [*found.lines()][-1] == "4 of 6 benchmarks have not changed beyond their threshold"


def test_samples_are_told_apart_by_process():
    assert processes([1.0] * 10 + [5.0] * 10 + [2.0] * 10) == (1.0, 5.0, 2.0)


@pytest.mark.parametrize("name", ["asv.conf.json", "asv.xpu.conf.json"])
def test_thresholds_are_those_of_asv_and_of_the_spread(name):
    limits = Config.load(str(ROOT / name)).regressions_thresholds
    assert threshold(limits, "linear.Linear.track_device_time('cuda:0', 'triton')") == 0.1
    assert threshold(limits, "small_ops.SiluMul.track_device_time('cpu', 'numba')") == 0.15
    assert threshold(limits, "memory.Read.track_device_time('cpu', 'numba')") == 0.6
    assert threshold(limits, "floor.Floor.track_token_time(arc-a770, bf16)") == 0.001


def test_what_asv_has_stored_is_judged(new_project):
    project = new_project("asv.conf.json")
    folder = project.path / "benchmarks"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "bridge.py").write_text(BENCHMARK)
    old, new = (
        {"steady": 1.0, "one": 1.0, "slower": 1.0, "faster": 1.0, "broken": 1.0},
        {"steady": 1.02, "one": 1.0, "slower": 1.5, "faster": 0.6},
    )
    rounds = [(old, new), (old, new | {"one": 1.6}), (old, new | {"one": 1.6})]
    commits = [project.commit("old")]
    (project.path / "change").touch()
    commits.append(project.commit("new"))
    for pair in rounds:
        for commit, times in zip(commits, pair, strict=True):
            project.run(commit, "track_", "--append-samples", TIMES=json.dumps(times))

    config = Config.load(str(project.path / "asv.conf.json"))
    config.results_dir = str(project.path / config.results_dir)
    (machine,) = (path.parent.name for path in Path(config.results_dir).glob("*/machine.json"))
    found = judge(config, machine, *commits)
    assert found.code == 2, "what had a time fails"
    names = {word: [one.name for one in found.chosen(word)] for word in ("slower", "faster", "few")}
    called = "bridge.Bridge.track_time('cpu', '{}')".format
    assert names == {"slower": [called("slower")], "faster": [called("faster")], "few": []}
    assert sum("track_number" in one.name for one in found.pairs) == 5, "arithmetic is judged too"
    assert found.lost == (called("broken"),)
    assert project.changed(*commits) != [], sys.version
    with pytest.raises(LookupError, match="0" * 40):
        judge(config, machine, "0" * 40, commits[1])
