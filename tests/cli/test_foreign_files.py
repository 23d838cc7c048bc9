"""Every option that takes a file of others, given what is none: exit code 2, one sentence, soon."""

import re

import pytest

from tests.hostile import SPECIAL, TEXTS, check_sentence, soon, special_files

OPTIONS = {
    "floor": ("floor", "--model"),
    "decode": ("decode", "--model"),
    "weights": ("decode", "--weights"),
    "check model": ("check", "result.json", "--device", "arc-a770", "--model"),
    "check": ("check",),
    "ladder": ("check", "result.json", "--ladder"),
    "inspect": ("prompts", "--inspect"),
    "corpus": ("prompts", "--tokenizer", "model", "--out", "out.jsonl", "--corpus"),
    "fleet": ("fleet",),
    "tokenizer": ("prompts", "--inspect", "result.json", "--tokenizer"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a result, and a model's folder that has a tokenizer."""
    from tokenizers import Tokenizer, models

    (tmp_path / "result.json").write_text('["A prompt."]')
    (tmp_path / "model").mkdir()
    Tokenizer(models.WordLevel({"a": 0}, "a")).save(str(tmp_path / "model" / "tokenizer.json"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one_sentence(done):
    assert done.code == 2, (done.out, done.err)
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("truetpot: ")
    return check_sentence(line)


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("option", OPTIONS)
def test_special_files(cli, here, option, name):
    path = special_files(here)[name]
    if option in ("weights", "tokenizer") and name == "folder":
        (path / "config.json").symlink_to("/dev/zero")  # a folder is what they take
    cli("floor", "--context", "nothing")  # what a first command imports is not its own time
    with soon():
        sentence = one_sentence(cli(*OPTIONS[option], path))
    assert path.name in sentence or name == "folder"


@pytest.mark.parametrize("name", ["absent", "x" * 5000, "a\x1b[2J", "~nobody-here/x"])
@pytest.mark.parametrize("option", OPTIONS)
def test_names_of_nothing(cli, here, option, name):
    one_sentence(cli(*OPTIONS[option], name))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("option", ["floor", "decode", "check model", "ladder"])
def test_hostile_texts(cli, here, option, name):
    (here / "config.json").write_bytes(TEXTS[name])
    one_sentence(cli(*OPTIONS[option], here / "config.json"))


def test_layers_without_end(cli, model):
    """Thirty million of them took the planning 45 s."""
    config = (model / "config.json").read_text()
    for count in ("30000000", "10000", "1" + "0" * 400):
        text = re.sub(r'"num_hidden_layers": \d+', f'"num_hidden_layers": {count}', config)
        (model / "config.json").write_text(text)
        with soon():
            done = cli("floor", "--model", model)
        if count == "10000":
            assert done.code == 0
        else:
            assert "num_hidden_layers" in one_sentence(done)


@pytest.mark.parametrize("tokens", ["1" + "0" * 400, "9" * 5000, "x" * 5000, "5," * 5000, "-3"])
def test_token_lists(cli, checkpoint, tokens):
    done = cli("decode", "--weights", checkpoint, "--provider", "torch", f"--tokens={tokens}")
    assert done.code == 2
    check_sentence(done.sentence)
