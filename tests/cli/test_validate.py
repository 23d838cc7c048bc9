"""The command, from its options to its exit codes; the tests that it runs are the real ones."""

import json

import msgspec
import pytest

from tests.records.kept import KEPT, exact
from tests.validate.made import record as made
from truetpot.records.store import write_record
from truetpot.records.validate import BaselineRecord, ValidateRecord
from truetpot.validate.baseline import make_baseline
from truetpot.validate.plan import Level, load_tests

QUICK = ("--device", "cpu", "--small", "--seconds", 0.3)
PLANTED = """
import os, sys
from pathlib import Path

if os.environ.get("PLANTED") and "TMPDIR" in os.environ:
    test, _, kind = os.environ["PLANTED"].partition("=")
    here = Path(os.environ["TMPDIR"]).parent.name
    if here.startswith(test + "-"):
        import torch
        if kind == "sums":
            add = torch.add
            def wrong(a, b, *, alpha=1, out=None):
                add(a, b, alpha=alpha, out=out)
                out[::50] += 1
                return out
            torch.add = wrong
        elif kind == "gone":
            from truetpot.errors import UserError
            from truetpot.runtime import choose
            def gone(name):
                raise UserError(f"{name} is not on this machine; choose another.")
            choose.choose_device = gone
        elif kind == "bits":
            from truetpot.validate.checks import patterns
            write = patterns.Memory.write
            def flip(self, pattern):
                write(self, pattern)
                self.chunks[0][1234] ^= 1 << 7
            patterns.Memory.write = flip
"""


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """``planted("patterns", "bits")``: in the children of this test something is wrong."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(PLANTED)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")

    def plant(test, kind):
        monkeypatch.setenv("PLANTED", f"{test}={kind}")

    return plant


@pytest.mark.slow
def test_every_test_of_a_level_on_this_cpu(cli, tmp_path):
    """Small sizes: all run, what is right or wrong is judged, and every output is written."""
    files = {name: tmp_path / f"v.{name}" for name in ("json", "xml", "prom", "svg")}
    done = cli(
        "validate", "--level", "long", *QUICK, "--json", files["json"], "--junit", files["xml"],
        "--prometheus", files["prom"], "--plot", files["svg"],
    )  # fmt: skip
    record = json.loads(files["json"].read_text())
    exact(record, ValidateRecord)
    verdicts = {test["name"]: test["verdict"] for test in record["tests"]}
    log = verdicts.pop("kernel-log")  # of this machine, which may keep it from users
    assert log in ("pass", "warn", "not-run", "fail")
    assert verdicts.pop("links-together") == "not-run"
    assert verdicts == dict.fromkeys(verdicts, "pass"), done.out
    assert len(verdicts) == sum(test.long is not None for test in load_tests()) - 2
    assert done.code == int(log == "fail")
    assert not record["partial"] and record["small"]
    names = [test["name"] for test in record["tests"]]
    for name in names:
        assert name in done.out
        assert (f"{name} on" in done.err) == (name != "links-together")
    assert 'name="sustained on cpu"' in files["xml"].read_text()
    assert 'test="sustained"' in files["prom"].read_text()
    assert "polyline" in files["svg"].read_text()
    series = next(test["series"] for test in record["tests"] if test["name"] == "sustained")
    assert len(series) >= 5


@pytest.mark.parametrize(
    ("test", "kind", "said"),
    [
        ("bandwidth", "sums", "wrong elements, instead of 0"),
        ("patterns", "bits", "bad words, instead of 0 (in 1 region, the first at byte 0x1348"),
        ("compute", "gone", "The card is gone: cpu is not on this machine"),
    ],
)
def test_what_is_wrong_in_a_child_fails_there(cli, planted, test, kind, said):
    planted(test, kind)
    done = cli("validate", *QUICK, "--only", test, "--json")
    (row,) = done.record["tests"]
    assert (done.code, row["verdict"]) == (1, "fail")
    assert said in row["said"] and (row["do"] or kind == "gone")
    if kind == "bits":
        assert row["bad_memory"]["offsets"] == [4 * 1234]
        assert [i for i, count in enumerate(row["bad_memory"]["bits"]) if count] == [7]


def test_a_record_is_held_to_another_baseline(cli, tmp_path):
    healthy = made()
    write_record(healthy, tmp_path / "v.json")
    baseline = make_baseline(healthy)
    figures = [
        msgspec.structs.replace(one, value=one.value * 1.15) if one.figure == "copy" else one
        for one in baseline.figures
    ]
    write_record(msgspec.structs.replace(baseline, figures=figures), tmp_path / "b.json")
    judge = ("validate", "--judge", tmp_path / "v.json", "--baseline")
    done = cli(*judge, tmp_path / "b.json")
    assert done.code == 1
    assert "copy is 390 GB/s" in " ".join(done.out.split()) or "below the baseline" in done.out
    write_record(baseline, tmp_path / "b.json")
    assert cli(*judge, tmp_path / "b.json", "--junit", tmp_path / "v.xml").code == 0
    assert (tmp_path / "v.xml").exists()
    # of a run that was killed: its other forms, from what it left
    done = cli("validate", "--judge", tmp_path / "v.json", "--prometheus", tmp_path / "v.prom")
    assert done.code == 0
    assert (tmp_path / "v.prom").exists()


def test_a_warning_is_3_under_strict(cli, tmp_path):
    odd = made(changed={(2, "bandwidth", "read"): 0.935})
    write_record(odd, tmp_path / "v.json")
    write_record(make_baseline(odd), tmp_path / "b.json")
    judge = ("validate", "--judge", tmp_path / "v.json", "--baseline", tmp_path / "b.json")
    assert cli(*judge).code == 0
    assert cli(*judge, "--strict").code == 3


def test_a_baseline_is_written_of_a_fit_run_alone(cli, tmp_path):
    healthy = made()
    write_record(healthy, tmp_path / "v.json")
    write_record(make_baseline(healthy), tmp_path / "b.json")
    judge = ("validate", "--judge", tmp_path / "v.json", "--baseline", tmp_path / "b.json")
    assert cli(*judge, "--make-baseline", tmp_path / "new.json").code == 0
    exact(json.loads((tmp_path / "new.json").read_text()), BaselineRecord)
    done = cli(
        "validate", *QUICK, "--only", "link", "--make-baseline", tmp_path / "small.json"
    )
    assert done.code == 2 and "--small" in done.sentence
    assert not (tmp_path / "small.json").exists()


def test_a_run_goes_on(cli, tmp_path):
    file = tmp_path / "v.json"
    whole = cli("validate", *QUICK, "--only", "link,patterns", "--json", file)
    assert whole.code == 0
    record = json.loads(file.read_text())
    record["tests"] = [test for test in record["tests"] if test["name"] == "patterns"]
    record["tests"][0]["said"] = "kept"
    record["partial"] = True
    file.write_text(json.dumps(record))
    done = cli("validate", *QUICK, "--only", "link,patterns", "--resume", file)
    assert "link on cpu" in done.err and "patterns on cpu" not in done.err
    again = json.loads(file.read_text())
    assert [test["name"] for test in again["tests"]] == ["patterns", "link"]
    assert not again["partial"]
    done = cli("validate", "--device", "cpu", "--resume", file)
    assert done.code == 2 and "same level and sizes" in done.sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--level", "short"), "--level 'short' is not known"),
        (("--only", "memory"), "There is no test 'memory'"),
        (("--only", "sustained"), "Level quick has none of sustained"),
        (("--device", "xpu:9"), "xpu:9 is not on this machine"),
        (("--device", ","), "names nothing"),
        (("--judge", KEPT / "validate.json", "--only", "host", "--seconds", 1), "leave out --only"),
        (("--baseline", KEPT / "validate.json"), "baseline"),
        (("--resume", KEPT / "baseline.json"), "a record of truetpot validate"),
        (("--junit", "/no/folder/v.xml"), "There is no folder"),
    ],
)
def test_wrong_usage_is_2(cli, words, said):
    done = cli("validate", *words)
    assert done.code == 2
    assert said in done.sentence


def test_levels_are_those_of_the_plan():
    from truetpot.cli.validate import LEVELS

    assert tuple(level.value for level in Level) == LEVELS
