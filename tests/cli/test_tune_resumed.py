"""``truetpot tune`` after an interrupt: what was tried is kept, and nothing is tried twice."""

import json
import re
import tomllib

from tests.cli.own_search import folder, here, tune

__all__ = ["folder", "here", "tune"]


def test_interrupted_and_resumed(tune, folder, tmp_path):
    out = tmp_path / "out.toml"
    stop = folder / "stop"
    stop.write_text("24")
    done = tune("--out", out, "--json", role="o,down")
    assert done.code == 130, done.err
    assert "the same command goes on" in done.err
    assert done.record["partial"]
    first, second = done.record["results"]
    assert (first["status"], first["reason"]) == ("partial", "interrupted")
    assert second["reason"] == "interrupted before its turn"
    seen = first["looks"]
    assert [look["config"]["repeat"] for look in seen] == [64, 1]
    progress = tmp_path / "out.progress.jsonl"
    assert len(progress.read_text().splitlines()) == 2
    assert not out.exists()

    stop.unlink()
    done = tune("--out", out, "--json", role="o,down")
    assert done.code == 0, done.err
    assert "2 configurations known from the run before" in done.err
    first, second = done.record["results"]
    assert first["looks"][:2] == seen
    assert (first["status"], second["status"]) == ("tuned", "tuned")
    assert not progress.exists()
    assert len(tomllib.loads(out.read_text())["linear"]["mine"]) == 2


def test_several_points_are_resumed_at_the_one_that_was_under_way(tune, folder, tmp_path):
    """A batch that was finished is not searched again, nor what was tried of the next."""
    out, stop = tmp_path / "out.toml", folder / "stop"
    words = ("--out", out, "--json", "--batch", "1,2")
    assert tune(*words[:-1], "1").code == 0
    alone = tomllib.loads(out.read_text())["linear"]["mine"]
    stop.write_text("1")
    done = tune(*words)
    assert done.code == 130, done.err
    before = {result["case"]: result["looks"] for result in done.record["results"]}
    stop.unlink()
    done = tune(*words)
    assert done.code == 0, done.err
    results = done.record["results"]
    assert [re.search(r"m=(\d+)", result["case"])[1] for result in results] == ["1", "2"]
    assert all(result["status"] == "tuned" for result in results)
    for result in results:
        tried = before[result["case"]]
        assert result["looks"][: len(tried)] == tried
    both = tomllib.loads(out.read_text())["linear"]["mine"]
    assert len(both) == 2 and {*alone} < {*both}
    assert all(entry["config"] == {"repeat": 1} for entry in both.values())


def test_again(tune, folder, tmp_path):
    out = tmp_path / "out.toml"
    (folder / "stop").write_text("24")
    (old,) = tune("--out", out, "--json").record["results"]
    (new,) = tune("--out", out, "--json", "--again").record["results"]
    assert [look["config"] for look in new["looks"]] == [look["config"] for look in old["looks"]]
    assert new["looks"] != old["looks"]
    lines = (tmp_path / "out.progress.jsonl").read_text().splitlines()
    assert [json.loads(line)["look"] for line in lines] == new["looks"]
