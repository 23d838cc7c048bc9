"""``truetpot tune``: a search with a user's kernel, what it leaves behind, and who uses that."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.cli.own_search import folder, here, tune

__all__ = ["folder", "here", "tune"]


@pytest.fixture
def kernels(cli, model, folder):
    """The configuration that ``truetpot kernels`` runs."""

    def call():
        done = cli(
            *("kernels", "--model", model, "--kernels", folder, "--op", "linear", "--role", "o"),
            *("--provider", "mine", "--format", "bf16", "--seconds", 0.05, "--json"),
        )
        (result,) = done.record["results"]
        return result["config"]

    return call


def test_what_is_found_is_used(tune, kernels, cli, model, folder, tmp_path, monkeypatch):
    assert kernels() == {"repeat": 32, "wrong": False}
    done = tune("--json")
    assert done.code == 0, done.err
    (result,) = done.record["results"]
    assert (result["status"], result["roles"]) == ("tuned", ["o"])
    assert result["best"]["config"] == {"repeat": 1}
    assert result["best"]["gain"] > 1.2
    assert result["default"]["gain"] == 1
    *_, bad = result["looks"]
    assert "above the tolerance" in bad["reason"]
    assert bad["median_s"] is None

    (file,) = (tmp_path / "data" / "truetpot" / "tuned").glob("*.toml")
    assert str(file) == done.record["file"]
    ((label, kept),) = tomllib.loads(file.read_text())["linear"]["mine"].items()
    assert label == result["case"]
    assert kept["config"] == {"repeat": 1}
    assert kept["gain"] == result["best"]["gain"]
    assert {"truetpot", "torch"} <= kept["versions"].keys()
    assert kept["device"]["name"] == done.record["environment"]["device"]["name"]

    assert kernels() == {"repeat": 1, "wrong": False}
    decode = cli(
        *("decode", "--model", model, "--kernels", folder, "--format", "bf16", "--context", 20),
        *("--provider", "mine,torch", "--seconds", 0.1, "--json"),
    )
    used = {row["role"]: row["config"] for row in decode.record["operators"]}
    assert used["o"]["repeat"] == 1
    assert used["qkv"]["repeat"] == 32, "not tuned"
    monkeypatch.setenv("TRUETPOT_TUNED", "off")
    assert kernels() == {"repeat": 32, "wrong": False}


def test_a_batch_that_was_not_tuned_takes_the_nearest_entry_and_says_so(tune, cli, model, folder):
    case = tune("--json").record["results"][0]["case"]

    def kernels(*args):
        return cli(
            *("kernels", "--model", model, "--kernels", folder, "--op", "linear", "--role", "o"),
            *("--provider", "mine", "--format", "bf16", "--seconds", 0.05, *args),
        )

    (same,) = kernels("--json").record["results"]
    assert (same["origin"], same["origin_case"]) == ("user", None)
    (other,) = kernels("--batch", 2, "--json").record["results"]
    assert (other["origin"], other["origin_case"]) == ("nearest", case)
    assert other["config"] == same["config"]
    text = " ".join(kernels("--batch", 2).out.split())
    assert f"mine: repeat=1 wrong=False (no entry: nearest, of {case})" in text
    (off,) = kernels("--batch", 2, "--config", "default", "--json").record["results"]
    assert (off["origin"], off["config"]["repeat"]) == ("default", 32)


def test_a_decode_step_is_checked_as_it_is_tuned(cli, model, folder, tune, monkeypatch):
    """On a case with fewer rows, for which there is no entry."""
    monkeypatch.setattr("truetpot.runs.checks.CHECKED_ROWS", 32)
    file = Path(tune("--json").record["file"])
    text = file.read_text()
    assert "config = { repeat = 1 }" in text
    file.write_text(text.replace("{ repeat = 1 }", "{ repeat = 1, wrong = true }"))
    done = cli(
        *("decode", "--model", model, "--kernels", folder, "--format", "bf16", "--context", 20),
        *("--provider", "mine,torch", "--seconds", 0.1, "--json"),
    )
    assert done.code == 1
    (warning,) = (text for text in done.record["warnings"] if "is wrong" in text)
    assert warning.startswith("mine linear (dtype=bf16 m=1 n=128 k=128")


def test_what_there_is_to_tune(cli, model, folder, tmp_path):
    def listed(*args):
        asked = ("--model", model, "--context", 20, "--format", "bf16", "--device", "cpu", *args)
        done = cli("tune", "--list", *asked)
        assert done.code == 0, done.err
        return " ".join(done.out.split())

    text = listed("--kernels", folder, "--op", "linear,rms_norm", "--provider", "mine,numba,torch")
    assert "linear mine 5 repeat (64, 1, 24), wrong (True)" in text
    # the processor's own distance first; one thread cannot be halved
    ahead = r"ahead \((\d+, ){3}\d+\), unroll \(1, 2, 4\), shares"
    assert re.search(rf"linear numba (36|72) {ahead}", text)
    assert "linear torch 0 it has no launch parameters" in text
    assert "rms_norm numba 0 it has no launch parameters" in text
    assert "rms_norm mine" not in text
    everyone = listed("--op", "linear", "--provider", "all")
    assert "linear triton 0" in everyone
    assert "runs on" in everyone
    assert not (tmp_path / "data").exists(), "nothing was searched"


def test_a_linear_of_any_shape(cli, folder, check_tune, tmp_path):
    done = cli(
        *("tune", "--shape", "48x128", "--kernels", folder, "--provider", "mine", "--batch", 3),
        *("--format", "bf16", "--seconds", 0.3, "--device", "cpu", "--json"),
    )
    assert done.code == 0, done.err
    check_tune(done.record)
    assert done.record["model"] is None
    (result,) = done.record["results"]
    assert result["case"] == "dtype=bf16 m=3 n=48 k=128 weight_format=bf16"
    (file,) = (tmp_path / "data" / "truetpot" / "tuned").glob("*.toml")
    assert result["case"] in tomllib.loads(file.read_text())["linear"]["mine"]


def test_rows_of_a_verify_step(tune, tmp_path):
    done = tune("--query-tokens", "1,4", "--out", tmp_path / "tuned.toml", "--json")
    assert done.code == 0, done.err
    rows = [re.search(r"m=(\d+)", row["case"])[1] for row in done.record["results"]]
    assert rows == ["1", "4"]


def test_a_list_is_no_record(cli, tmp_path):
    done = cli("tune", "--list", "--json", tmp_path / "list.json")
    assert done.code == 2
    assert "leave out --json" in done.err


def test_the_table_and_what_is_left_out(tune, tmp_path):
    page = tmp_path / "page.html"
    done = tune("--html", page, provider="mine,torch", role="o,down")
    assert done.code == 0, done.err
    assert page.read_text().count('<g class="mark">') == 2, "a mark a search with a result"
    assert "repeat=1" in done.out
    assert "default us" in done.out
    text = " ".join(done.out.split())
    assert "skipped: linear of torch: the torch linear kernel has nothing to tune" in text
    assert "left out of linear of mine" in text
    assert "1 x error .. is above the tolerance .." in text


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--provider", "torch"), "Nothing can be tuned: the torch linear kernel has nothing"),
        (("--out", "/"), "--out / is a folder"),
        (("--role", "nose"), "No call has the role 'nose'"),
    ],
)
def test_what_cannot_be_done(tune, args, sentence):
    done = tune(*args)
    assert done.code == 2
    assert sentence in done.sentence


def test_a_strange_file_is_told_before_anything_is_measured(tune, tmp_path):
    out = tmp_path / "out.toml"
    out.write_text("[tool]\nname = 1\n")
    done = tune("--out", out)
    assert done.code == 2
    assert "out.toml has something else in it" in done.sentence
    assert "sweeping" not in done.err
