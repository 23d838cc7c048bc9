"""The file of tuned parameters is TOML that others can read."""

import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.kept import written
from truetpot.errors import UserError
from truetpot.records.tune import Figures, Found
from truetpot.records.tuned import SearchKey, TunedEntry
from truetpot.tune.store import dump, entry, load, put

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
number = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
plain = st.booleans() | number | text
value = plain | st.lists(plain, max_size=3) | st.dictionaries(text, plain, max_size=3)


def tables(leaf):
    for _ in range(2):
        leaf = st.dictionaries(text, leaf, min_size=1, max_size=2)
    return leaf


@given(tables(st.dictionaries(text, st.dictionaries(text, value, max_size=3), min_size=1)))
def test_toml_reads_what_was_written(content):
    assert tomllib.loads(dump(content)) == content


def found(best_gain):
    default = Figures(
        config={"tile": 4}, median_s=2e-6, gain=1.0, gain_ci=(1.0, 1.0), share_of_ceiling=0.5
    )
    best = Figures(config={"tile": 8}, median_s=1e-6, gain=best_gain, gain_ci=(1.9, 2.1))
    better = best if best_gain > 1 else default
    return Found(default=default, best=better, when="2026-01-01T00:00:00Z")


def key(**versions):
    return SearchKey(
        op="linear", provider="mine", case="n=1", device="card", versions=versions, source="12ab"
    )


def test_an_entry_replaces_its_own_case_only(tmp_path):
    path = tmp_path / "card.toml"
    put(path, "linear", "mine", "n=1", entry(found(2.0), key(torch="2"), {"name": "card"}))
    put(path, "linear", "mine", 'n="2"', TunedEntry(config={"tile": 1}))
    put(path, "linear", "mine", "n=1", entry(found(0.9), key(torch="3"), {"name": "card"}))
    kept = load(path)["linear"]["mine"]
    assert kept['n="2"'] == {"config": {"tile": 1}}
    assert kept["n=1"]["config"] == {}, "the default stays"
    assert kept["n=1"]["versions"] == {"torch": "3"}
    assert kept["n=1"]["share_of_ceiling"] == 0.5
    assert kept["n=1"]["source"] == "12ab"
    lock = ".card.toml.truetpot-lock"
    assert {file.name for file in tmp_path.iterdir()} == {"card.toml", lock}


def test_what_is_known_of_an_improvement():
    kept = written(entry(found(2.0), key(), {"name": "card"}))
    assert kept["config"] == {"tile": 8}
    assert (kept["gain"], kept["gain_ci"], kept["tuned_s"]) == (2.0, [1.9, 2.1], 1e-6)
    assert "share_of_ceiling" not in kept, "TOML has no null"


@pytest.mark.parametrize("content", ["[project]\nname = 'mine'\n", "a = 1\n", "[[a.b.c]]\n", "= ="])
def test_another_file_is_not_overwritten(tmp_path, content):
    path = tmp_path / "pyproject.toml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"pyproject.toml"):
        put(path, "linear", "mine", "n=1", TunedEntry(config={}))
    assert path.read_text() == content


def test_two_processes_keep_what_each_found(tmp_path):
    path = tmp_path / "card.toml"
    code = """
import sys
from pathlib import Path
from truetpot.tune.store import put
print(flush=True)
sys.stdin.readline()
for i in range(20):
    put(Path(sys.argv[1]), "linear", "mine", f"{sys.argv[2]} {i}", {"config": {"tile": i}})
"""
    words, pipe = [sys.executable, "-c", code, str(path)], subprocess.PIPE
    running = [
        subprocess.Popen([*words, str(number)], stdin=pipe, stdout=pipe) for number in range(3)
    ]
    for process in running:  # when all are ready, all begin
        process.stdout.readline()
    for process in running:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(load(path)["linear"]["mine"]) == 3 * 20
    lock = ".card.toml.truetpot-lock"
    assert {file.name for file in tmp_path.iterdir()} == {"card.toml", lock}
