"""What ``check`` prints on 80 columns, over every sample and every generated file: nothing is cut,
no line is wider, and the first three lines say what the number is worth."""

import json
import pkgutil
from dataclasses import replace
from importlib import import_module

import pytest
from rich.cells import cell_len

import tests.serving.readers as reader_tests
from tests.real_files import DATA
from tests.serving.generate.make import make, mechanisms, shapes, shown_by
from truetpot.records.verdicts import Verdict
from truetpot.report.screen import Screen
from truetpot.report.serving import draw_checked
from truetpot.serving.check import check_file
from truetpot.serving.findings.finding import Finding, detectors
from truetpot.serving.verdict import judge

WIDTH = 80
NO_RESULTS = {"README.md", "LICENSE", "awq_config.json"}
SAMPLES = sorted(
    path
    for path in DATA.rglob("*")
    if path.is_file() and path.name not in NO_RESULTS and path.parent.name != "records"
)
SEEDS = {
    f"{module.name}-{name}": content
    for module in pkgutil.iter_modules(reader_tests.__path__)
    if module.name.endswith("_files")
    for name, content in import_module(f"tests.serving.readers.{module.name}").SEEDS.items()
}
FLOOR = ("--model", "qwq-32b", "--device", "arc-a770", "--tp", 4, "--format", "sym_int4")


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def squeezed(text):
    return "".join(text.split())


def assert_fits(text):
    for line in text.splitlines():
        assert cell_len(line) <= WIDTH, line
    assert "…" not in text


def assert_whole(text, values):
    """All of each value is there, whatever lines it is folded into."""
    assert_fits(text)
    found = squeezed(text)
    for value in values:
        assert squeezed(value) in found, value


def said(run):
    values = [run["verdict"], run["serving"]["why"], *run["notes"], *run["yardstick_from"]]
    for finding in run["findings"]:
        values += [finding[name] for name in ("id", "severity", "title", "evidence", "fix")]
    return values


@pytest.fixture
def told(cli, tmp_path):
    """What a check prints, and its record: ``told(file, ...)``."""

    def call(*asked):
        record = tmp_path / "record.json"
        record.unlink(missing_ok=True)
        done = cli("check", *asked, "--json", record)
        return done, json.loads(record.read_text()) if record.exists() else None

    return call


def is_whole(told, file, *more):
    done, record = told(file, *more)
    if done.code == 2:  # of a command that times no token: one sentence, whole
        assert_fits(done.err)
        return
    assert_whole(done.out, [value for run in record["runs"] for value in said(run)])
    first = squeezed("\n".join(done.out.splitlines()[:3]))
    assert record["verdict"] in first
    if len(record["runs"]) == 1:
        assert squeezed(record["serving"]["why"])[:20] in first


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.name)
def test_samples(told, file):
    is_whole(told, file)
    is_whole(told, file, *FLOOR)


@pytest.mark.parametrize("name", SEEDS)
def test_small_files_of_each_tool(told, tmp_path, name):
    file = tmp_path / name
    file.write_bytes(SEEDS[name])
    is_whole(told, file)
    is_whole(told, file, *FLOOR)


def generated(told, folder, shape, mechanism):
    made = make(shape, mechanism, seed=1)
    file = folder / made.name
    file.write_bytes(made.data)
    is_whole(told, file, *FLOOR)


@pytest.mark.parametrize("shape", shapes())
def test_every_form_of_file(told, tmp_path, shape):
    generated(told, tmp_path, shape, "clean")


@pytest.mark.parametrize("mechanism", mechanisms())
def test_every_mechanism(told, tmp_path, mechanism):
    generated(told, tmp_path, shown_by(mechanism)[0], mechanism)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("mechanism", mechanisms())
def test_every_mechanism_in_every_form(told, tmp_path, mechanism):
    for shape in shown_by(mechanism):
        generated(told, tmp_path, shape, mechanism)


LONG = "with 30,657.55 ms beside 4,096 tokens of every request and a_name_of_somebody_elses" * 3


def every_finding():
    return tuple(
        Finding(
            id=kind.id, severity=kind.severity, title=kind.title, evidence=f"{kind.id} {LONG}",
            factor=2.0, fix=kind.fix,
        )
        for kind in detectors()
    )  # fmt: skip


@pytest.mark.parametrize("verdict", Verdict)
def test_every_finding_under_every_verdict(capfd, verdict):
    """Whatever file they are of."""
    (checked,) = check_file(DATA / "made" / "check" / "06b-same-run-as-vllm.json")
    findings = every_finding()
    serving = replace(judge(checked), verdict=verdict, why=f"Why {LONG}", factor=3.25)
    Screen().print(draw_checked(replace(checked, findings=findings), serving, (LONG,)))
    text = capfd.readouterr().out
    values = [text for one in findings for text in (one.id, one.title, one.evidence, one.fix)]
    assert_whole(text, [verdict.value, serving.why, *values])
    assert verdict.value in "".join(text.splitlines()[:3])


@pytest.mark.parametrize("more", [(), FLOOR], ids=["alone", "floor"])
def test_a_folder(told, more):
    done, record = told(DATA / "made" / "check", *more, "--fail-on", "never")
    files = {run["file"].rpartition("/")[2] for run in record["runs"]}
    worst = [run["findings"][0]["title"] for run in record["runs"] if run["findings"]]
    pairs = [sentence for pair in record["pairs"] for sentence in pair["says"]]
    assert pairs and done.code == 0
    assert_whole(done.out, [*files, *worst, *pairs, *{run["verdict"] for run in record["runs"]}])


def test_the_worst_of_several_runs_comes_first(cli):
    done = cli("check", DATA / "made" / "check", *FLOOR)
    assert "impossible" in "".join(done.out.splitlines()[:3])
    assert done.code == 1
    done = cli("check", DATA / "llama.cpp" / "llama_bench_tables.md")
    assert done.out.startswith("8 runs: 8 undecidable.")


@pytest.mark.parametrize("more", [(), FLOOR], ids=["alone", "floor"])
@pytest.mark.parametrize(
    "names",
    [
        ("21-b70-27b-mtp.json", "21b-b70-27b-no-mtp.json"),
        ("22-b70-27b-mtp4.jsonl", "22b-b70-27b-no-spec.jsonl"),
        ("21-b70-27b-mtp.json", "22b-b70-27b-no-spec.jsonl"),
        ("01-guidellm-float-sum.json", "20-aiperf.csv"),
    ],
)
def test_a_pair(told, names, more):
    one, other = (DATA / "made" / "check" / name for name in names)
    done, record = told(one, "--without-speculation", other, *more)
    text = done.out
    (pair,) = record["pairs"]
    values = [*pair["says"], *pair["left_out"]]
    for row in pair["differs"]:
        values += [row["what"], row["with_it"], row["without"]]
    for point in pair["points"]:
        values += [f"{point['context']:,.0f}", point["wrong"]]
    assert_whole(text, values)
    assert squeezed(pair["says"][0])[:60] in squeezed("\n".join(text.splitlines()[:3]))


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\x01" * 50, b"a,b\n1,2\n", b"[" * 99])
def test_a_refusal(cli, tmp_path, content):
    folder = tmp_path / ("a-folder-with-a-long-name-" * 4)
    folder.mkdir()
    file = folder / f"{'results-of-somebody-else-' * 4}.json"
    file.write_bytes(content)
    done = cli("check", file)
    assert done.code == 2 and done.out == ""
    assert_fits(done.err)
