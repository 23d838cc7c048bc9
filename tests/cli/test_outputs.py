"""Where a command writes is looked at first: it can be written, and is nothing that is read."""

import json
import os

import pytest

VLLM = {"model_id": "m", "completed": 1}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Inputs of every kind, the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.json").write_text(json.dumps(VLLM))
    (tmp_path / "text.txt").write_text("A text.")
    (tmp_path / "kernels" / "linear").mkdir(parents=True)
    (tmp_path / "kernels" / "linear" / "mine.py").write_text("# theirs")
    (tmp_path / "kernels" / "mine.cl").write_text("// theirs")
    os.link(tmp_path / "in.json", tmp_path / "hard.json")
    (tmp_path / "link.json").symlink_to("in.json")
    return tmp_path


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


INPUTS = [
    ("check in.json --json in.json", "--json in.json"),
    ("check in.json --json ./in.json", "--json ./in.json"),
    ("check in.json --json hard.json", "--json hard.json"),
    ("check in.json --json link.json", "--json link.json"),
    ("check link.json --json in.json", "--json in.json"),
    ("check text.txt --ladder in.json --json in.json", "--json in.json"),
    ("check text.txt --model tiny/config.json --device arc-a770 --json tiny/config.json", "--json"),
    ("check text.txt --model tiny --device arc-a770 --json tiny/config.json", "--json tiny"),
    ("floor --model tiny --json tiny/config.json", "--json tiny/config.json"),
    ("decode --model tiny --json tiny/config.json", "--json tiny/config.json"),
    ("decode --model tiny --svg tiny/config.json", "--svg tiny/config.json"),
    ("decode --weights tiny --tokens 1 --save-logits tiny/config.json", "--save-logits"),
    ("decode --weights tiny --json tiny/model.safetensors", "--json tiny/model.safetensors"),
    ("decode --kernels kernels --json kernels/linear/mine.py", "--json kernels/linear/mine.py"),
    ("kernels --kernels kernels --svg kernels/mine.cl", "--svg kernels/mine.cl"),
    ("kernels --model tiny --json tiny/config.json", "--json tiny/config.json"),
    ("kernels --model tiny --html tiny/config.json", "--html tiny/config.json"),
    ("check in.json --html in.json", "--html in.json"),
    ("report in.json --html in.json", "--html in.json"),
    ("report in.json --svg link.json", "--svg link.json"),
    ("tune --kernels kernels --out kernels/linear/mine.py", "--out kernels/linear/mine.py"),
    ("isa --kernels kernels --json kernels/mine.cl", "--json kernels/mine.cl"),
    ("isa --diff in.json --json in.json", "--json in.json"),
    ("providers --kernels kernels --json kernels/mine.cl", "--json kernels/mine.cl"),
    ("doctor --kernels kernels --json kernels/mine.cl", "--json kernels/mine.cl"),
    ("prompts --tokenizer tiny --corpus text.txt --out text.txt", "--out text.txt"),
    ("prompts --tokenizer tiny --corpus in.json text.txt --out text.txt", "--out text.txt"),
    ("prompts --tokenizer tiny --out tiny/tokenizer.json", "--out tiny/tokenizer.json"),
    ("prompts --inspect in.json --json in.json", "--json in.json"),
]


@pytest.mark.parametrize(("line", "output"), INPUTS)
def test_an_input_is_not_overwritten(cli, folder, model, line, output):
    for name in ("model.safetensors", "tokenizer.json"):
        (model / name).write_text("theirs")
    before = content(folder)
    done = cli(*line.split())
    assert done.code == 2
    assert f"{output}" in done.sentence and "would overwrite the input" in done.sentence
    assert content(folder) == before


SAME = [
    "decode --json new --svg new",
    "decode --json new --svg ./new",
    "decode --tokens 1 --json new --save-logits new",
    "kernels --json new --svg new",
    "report in.json --html new --svg new",
    "floor --json new --html new",
    "tune --json new --out new",
    "prompts --tokenizer tiny --json new --out new",
    "decode --json in.json --svg hard.json",
    "isa --asm new --json new",
]


@pytest.mark.parametrize("line", SAME)
def test_two_outputs_are_two_files(cli, folder, model, line):
    before = content(folder)
    done = cli(*line.split())
    assert done.code == 2
    assert "same" in done.sentence
    assert content(folder) == before


def test_the_progress_of_tune_is_no_record(cli, folder, model):
    line = "tune --model tiny --op linear --provider numba --format sym_int4 --device cpu"
    done = cli(*line.split(), "--out", "a.toml", "--json", "a.progress.jsonl")
    assert done.code == 2
    assert "same file" in done.sentence


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("dangling", "is a link to nothing"),
        ("/dev/full", "is a device"),
        ("n" * 300, "File name too long"),
        ("kernels", "is a folder"),
        ("nowhere/r.json", "There is no folder"),
        ("text.txt/r.json", "cannot be written"),
        ("/proc/self/status", "cannot be written"),
    ],
)
@pytest.mark.parametrize(
    "line",
    ["kernels --json", "kernels --svg", "check in.json --html", "tune --out", "floor --json"],
)
def test_what_cannot_be_written_is_told_at_the_start(cli, folder, line, path, says):
    (folder / "dangling").symlink_to("nothing")
    done = cli(*line.split(), path)
    assert done.code == 2
    assert says in done.sentence
    assert "sweeping" not in done.err
    assert not (folder / "nothing").exists()


def test_a_record_beside_kernels_is_replaced(cli, folder):
    """The folder is an input, and what lies in it that no kernel is made of is not."""
    file = folder / "kernels" / "providers.json"
    (folder / "kernels" / "absent.py").write_text("import not_there\n")  # else there is no kernel
    for _ in range(2):
        cli("providers", "--device", "cpu", "--kernels", "kernels", "--json", file)
        assert json.loads(file.read_text())["kind"] == "providers"


def test_files_of_the_user_with_names_that_were_ours(cli, folder, model):
    """``tune`` made and deleted a file named .new to see whether it can write."""
    theirs = {name: f"theirs {name}" for name in ("a.new", "a.toml.new", "a.tmp", "a.progress.new")}
    for name, text in theirs.items():
        (folder / name).write_text(text)
    (folder / "x.new").write_text("# no entry yet\n")
    line = "tune --model tiny --op silu_mul --provider torch --device cpu --out"
    for out in ("a.toml", "x.new"):
        assert cli(*line.split(), out).code == 2  # torch has nothing to tune
    assert {name: (folder / name).read_text() for name in theirs} == theirs
    assert (folder / "x.new").read_text() == "# no entry yet\n"
