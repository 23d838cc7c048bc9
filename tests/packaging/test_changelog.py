"""Fragments in changelog.d have a name and a text that a release can take as they are."""

import re
import sys
import tomllib

import pytest

from tests.packaging.conftest import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
TYPES = [kind["directory"] for kind in SETTINGS["type"]]
NAME = re.compile(rf"[a-z0-9]+(-[a-z0-9]+)*\.({'|'.join(TYPES)})\.md")


def faults(name, text):
    """What is wrong with a fragment; empty if nothing is."""
    if not NAME.fullmatch(name):
        yield f"{name} is not <short-name>.<{'|'.join(TYPES)}>.md in lower case"
    if not text.strip().endswith("."):
        yield f"{name} is no sentence"
    if re.search(r"^\s*([#*-] |#+)", text, re.MULTILINE):
        yield f"{name} has a heading or a list: the release makes them"
    if len(text) > 600:
        yield f"{name} is long: one or two sentences for users, the rest belongs to docs/"


def test_fragments():
    template = ROOT / SETTINGS["template"]
    files = [file for file in (ROOT / SETTINGS["directory"]).iterdir() if file != template]
    assert [fault for file in files for fault in faults(file.name, file.read_text())] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("records.new.md", "A record has a field."),
        ("records.md", "A record has a field."),
        ("Records.added.md", "A record has a field."),
        ("records.added.txt", "A record has a field."),
        ("records.added.md", "\n"),
        ("records.added.md", "A record has a field"),
        ("records.added.md", "# Records\n\nA record has a field."),
        ("records.added.md", "- A record has a field."),
        ("records.added.md", "A record has a field. " * 30),
    ],
)
def test_a_bad_fragment_is_found(name, text):
    assert len(list(faults(name, text))) == 1


def test_the_next_section_has_every_fragment_under_its_type(tmp_path, run):
    project = tmp_path / "project"
    folder = project / SETTINGS["directory"]
    folder.mkdir(parents=True)
    for name in ("pyproject.toml", SETTINGS["template"]):
        (project / name).write_text((ROOT / name).read_text())
    for kind in reversed(TYPES):
        (folder / f"a-name.{kind}.md").write_text(f"Something is {kind}.\n")
    done = run(
        sys.executable, "-m", "towncrier", "build", "--draft", "--version", "0.2.0", cwd=project
    )
    assert done.returncode == 0, done.stderr
    title, *rest = [line for line in done.stdout.splitlines() if line]
    assert re.fullmatch(r"## 0\.2\.0 \(\d{4}-\d\d-\d\d\)", title)
    wanted = [(f"### {kind.capitalize()}", f"- Something is {kind}.") for kind in TYPES]
    assert rest[: 2 * len(TYPES)] == [line for pair in wanted for line in pair]
