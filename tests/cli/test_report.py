"""``truetpot report`` over any records, and ``--html`` on the commands that make them."""

import json

import pytest

from tests.cli.test_outputs import VLLM
from tests.records.kept import KEPT
from tests.report.html.pages import elements, tree
from tests.report.html.rows import marks


def marks_of(text):
    return sum("mark" in one.classes for one in elements(tree(text)))


def test_several_records_in_one_file(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("decode-h200", "check-with-ladder", "doctor")
    done = cli("report", *(KEPT / f"{name}.json" for name in names))
    assert done.code == 0
    assert "3 records in report.html" in done.out
    text = (tmp_path / "report.html").read_text()
    assert marks_of(text) == sum(marks(json.loads((KEPT / f"{n}.json").read_text())) for n in names)


def test_a_chart_alone(cli, tmp_path):
    chart = tmp_path / "ladder.svg"
    done = cli("report", KEPT / "decode-h200.json", "--svg", chart)
    assert done.code == 0
    assert chart.read_text().count('class="mark') == 5
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON", "is no record"),
        (json.dumps(VLLM), "does not say which kind of record"),
        ('{"kind": "of-tomorrow"}', "which is not known"),
        ('{"kind": "floor"}', "missing required field"),
        ('{"kind": "decode", "schema_version": 2}', "schema_version 2"),
        ("[" * 100_000, "is no record"),
    ],
)
def test_what_is_no_record(cli, tmp_path, text, says):
    file = tmp_path / "given.json"
    file.write_text(text)
    done = cli("report", file, "--html", tmp_path / "out.html")
    assert done.code == 2
    assert says in done.sentence
    assert not (tmp_path / "out.html").exists()


def test_the_chart_of_two_records_or_of_none(cli, tmp_path):
    chart = tmp_path / "chart.svg"
    record = KEPT / "decode.json"
    done = cli("report", record, record, "--svg", chart)
    assert done.code == 2 and "give one FILE" in done.sentence
    done = cli("report", KEPT / "decode-early.json", "--svg", chart)
    assert done.code == 2 and "has no times to draw" in done.sentence
    assert not chart.exists()


@pytest.mark.parametrize("option", ["--html", "--svg"])
def test_packages_that_are_missing_are_told_before_anything_runs(cli, monkeypatch, option):
    monkeypatch.setattr("truetpot.report.html.needs.PACKAGES", ("jinja2", "not_installed"))
    done = cli("decode", option, "drawn")
    assert done.code == 2
    assert done.err == f"truetpot: {option} needs not_installed: pip install 'truetpot[report]'.\n"


@pytest.mark.parametrize(
    "line",
    [
        ("floor", "--context", "1024:5120"),
        ("floor", "--published"),
        ("check", KEPT.parent / "check" / "20-aiperf.csv"),
        ("trace", KEPT.parent / "traces" / "qwq32b-4layers-compiled.pt.trace.json.gz"),
        ("kernels", "--op", "silu_mul", "--seconds", 0.1, "--device", "cpu", "--provider", "torch"),
        pytest.param(("isa", "--op", "silu_mul", "--batch", "1"), marks=pytest.mark.isa),
    ],
    ids=lambda line: line[0],
)
def test_html_of_a_command(cli, tmp_path, model, line):
    page, record = tmp_path / "page.html", tmp_path / "record.json"
    if line[0] == "kernels":
        line = (*line, "--model", model, "--context", 20)
    done = cli(*line, "--html", page, "--json", record)
    assert done.code in (0, 1), done.err
    assert marks_of(page.read_text()) == marks(json.loads(record.read_text()))


def test_html_of_a_record_held_to_a_baseline(cli, tmp_path):
    page, record = tmp_path / "page.html", tmp_path / "record.json"
    held = ("--judge", KEPT / "validate.json", "--baseline", KEPT / "baseline.json")
    done = cli("validate", *held, "--html", page, "--json", record)
    assert done.code == 1, done.err
    assert marks_of(page.read_text()) == marks(json.loads(record.read_text()))
