"""Public docstrings are sentences: with fewer than five words one says no more than the name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "truetpot"
LEAST_WORDS = 5
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def short(tree, name="module"):
    """Names and docstrings of what is public in a module and says too little."""
    text = ast.get_docstring(tree)
    if text is not None and len(text.split()) < LEAST_WORDS:
        yield name, text
    for node in () if isinstance(tree, FUNCTIONS) else tree.body:
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)) and not node.name.startswith("_"):
            yield from short(node, node.name)


FOLDERS = {one.name: one for one in SOURCE.iterdir() if one.is_dir()}
FOLDERS |= {"kernels": ROOT / "kernels"}


@pytest.mark.parametrize("name", sorted(FOLDERS.keys() - {"__pycache__"}))
def test_docstrings_are_sentences(name):
    folder = FOLDERS[name]
    found = {
        f"{file.relative_to(folder)}: {what}": text
        for file in sorted(folder.rglob("*.py"))
        for what, text in short(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_a_short_one_is_found():
    flat = '"""Flat."""\nclass A:\n    """A class that says enough."""\n    def b(self):\n'
    text = f'{flat}        """As it is."""\n'
    assert list(short(ast.parse(text))) == [("module", "Flat."), ("b", "As it is.")]
    assert not list(short(ast.parse('def _a():\n    """Private."""\n')))
