"""``truetpot prompts`` as a user calls it."""

import json

import pytest
import typer
from tokenizers import Tokenizer

from tests.records.kept import exact
from truetpot.cli.command import JsonCommand
from truetpot.cli.prompts import prompts
from truetpot.errors import UserError
from truetpot.records.prompts import InspectionRecord, PromptsRecord
from truetpot.serving.prompts import corpus, forms


@pytest.fixture
def run(capsys):
    """Exit code and standard output of the command."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(cls=JsonCommand)(prompts)

    def call(*args):
        capsys.readouterr()
        code = app(args=[str(arg) for arg in args], standalone_mode=False)
        return code or 0, capsys.readouterr().out

    return call


@pytest.fixture
def counts(folder):
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return lambda path: [len(backend.encode(text).ids) for text in forms.read(path)]


def test_a_set_and_what_it_is(run, folder, counts, tmp_path):
    out = tmp_path / "set.jsonl"
    code, said = run("--tokens", 300, "--count", 7, "--tokenizer", folder, "--out", out)
    assert code == 0
    assert "7 prompts of exactly 300 tokens" in said and "--custom-output-len -1" in said
    assert counts(out) == [300] * 7
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {row["output_tokens"] for row in rows} == {4096}
    assert {row["kind"] for row in rows} == {"text"}

    code, said = run("--inspect", out, "--tokenizer", folder)
    assert code == 0
    assert "meaningful" in said.splitlines()[0] or "meaningful" in said
    assert "100.0 % meaningful; 100.0 % distinct" in said
    assert "ascending" in said


@pytest.mark.parametrize("kind", ["random", "repeated"])
def test_the_faulty_kinds_say_so(run, folder, tmp_path, kind):
    out = tmp_path / "set.jsonl"
    code, said = run(
        "--kind", kind, "--tokens", 250, "--count", 20, "--tokenizer", folder, "--out", out
    )
    assert code == 0
    assert "Faulty on purpose" in said
    assert f'"kind": "{kind}"' in out.read_text(encoding="utf-8").splitlines()[0]
    code, said = run("--inspect", out, "--json")
    assert code == 1, "a gate stops here"
    record = json.loads(said)
    exact(record, InspectionRecord)
    assert record["verdict"] == kind
    assert record["prompts"] == len(record["each"]) == 20
    assert record["medians"]["ascending"] is None


def test_sharegpt(run, folder, counts, tmp_path):
    out = tmp_path / "set.json"
    code, said = run(
        "--form", "sharegpt", "--tokens", 200, "--count", 5, "--language", "both", "--tokenizer",
        folder, "--out", out, "--json",
    )  # fmt: skip
    assert code == 0
    record = json.loads(said)
    exact(record, PromptsRecord)
    assert record["kind"] == "prompts" and record["made"] == "text"
    assert record["prompts"] == record["of_that_length"] == 5
    assert record["output_tokens"] == 2048 - 200
    assert sum(record["subjects"].values()) == 5
    assert counts(out) == [200] * 5


def test_own_text_as_a_shell_passes_it(run, folder, counts, tmp_path):
    for i, name in enumerate(("one", "two", "three")):
        texts = [passage.text for passage in corpus.shipped("en")[4 * i : 4 * i + 4]]
        (tmp_path / f"{name}.txt").write_text("\n\n".join(texts))
    out = tmp_path / "set.jsonl"
    files = sorted(tmp_path.glob("*.txt"))
    made = ("--tokens", 60, "--count", 4, "--tokenizer", folder, "--out", out)
    assert run("--corpus", *files, *made)[0] == 0
    assert counts(out) == [60] * 4
    subjects = {json.loads(line)["subject"] for line in out.read_text().splitlines()}
    assert subjects <= {"one", "two", "three"} and len(subjects) > 1


def test_the_same_file_twice(run, folder, tmp_path):
    written = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.jsonl"
        run("--tokens", 100, "--count", 30, "--seed", 5, "--tokenizer", folder, "--out", out)
        written.append(out.read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--tokenizer DIR and --out FILE"),
        (("--out", "set.txt"), r"\*\.jsonl only: --out set\.jsonl"),
        (("--out", "none/set.jsonl"), "no folder none"),
        (("--out", "set.jsonl", "--kind", "odd"), "--kind 'odd'"),
        (("--out", "set.jsonl", "--form", "odd"), "--form 'odd'"),
        (("--out", "set.jsonl", "--language", "fr"), "--language 'fr'"),
        (("--out", "set.jsonl", "stray.txt"), "stray.txt belongs to no option"),
        (("--out", "set.jsonl", "--corpus", "none.txt"), "none.txt cannot be read"),
        (("--out", "set.jsonl", "--tokens", 100_000), "more than all the English text"),
        (("--out", "set.jsonl", "--tokens", 16), "--tokens 16 is too few"),
        (("--out", "set.jsonl", "--tokens", 90, "--count", 10_000), "not 10,000"),
        (("--out", "set.json", "--form", "sharegpt", "--tokens", 1500), "would drop"),
        (("--inspect", "none.jsonl"), r"none\.jsonl cannot be read"),
    ],
)
def test_mistakes(run, folders, tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    tokenizer = ("--tokenizer", folders["byte_level"]) if args else ()
    with pytest.raises(UserError, match=said):
        run(*tokenizer, *args)
    assert list(tmp_path.iterdir()) == [], "nothing is written where something is wrong"


@pytest.mark.parametrize("option", ["--count", "--tokens", "--output-tokens"])
def test_numbers_out_of_range(run, folders, tmp_path, option):
    with pytest.raises(Exception, match=r"greater than or equal to 1|not in the range"):
        run("--tokenizer", folders["byte_level"], "--out", tmp_path / "x.jsonl", option, 0)
