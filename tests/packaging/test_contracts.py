"""`make lint` finds an import that runs upward, in kernels/ too."""

import sys

import pytest


@pytest.fixture
def lint_imports(checkout, run):
    tool = [sys.executable, "tools/as_installed.py", "lint-imports", "--no-cache", "--no-logo"]
    return lambda: run(*tool, cwd=checkout)


def test_the_tree_is_clean(lint_imports):
    done = lint_imports()
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("folder", "imported"),
    [
        ("kernels/planted", "decode"),
        ("src/truetpot/facts", "ops"),
        ("src/truetpot/serving", "runtime"),
        ("src/truetpot/ladder", "serving"),
        ("src/truetpot/serving", "ladder"),
        ("src/truetpot/records", "ladder"),
    ],
)
def test_an_import_that_runs_upward_is_found(checkout, lint_imports, folder, imported):
    for package in (checkout / folder, checkout / "src/truetpot" / imported):
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
    (checkout / folder / "plant.py").write_text(f"import truetpot.{imported}\n")

    done = lint_imports()
    assert done.returncode == 1, done.stdout
    importer = folder.removeprefix("src/truetpot/").replace("/", ".")
    assert f"- truetpot.{importer}.plant -> truetpot.{imported} (l.1)" in done.stdout


def test_a_new_module_must_find_its_layer(checkout, lint_imports):
    (checkout / "src/truetpot/stray.py").touch()
    done = lint_imports()
    assert done.returncode == 1, done.stdout
    assert "stray" in done.stdout
