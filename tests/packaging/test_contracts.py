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
    assert "5 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("folder", "imported"),
    [
        ("kernels/planted", "decode"),
        ("src/truetpot/facts", "ops"),
        ("src/truetpot/serving", "runtime"),
        ("src/truetpot/ladder", "serving"),
        ("src/truetpot/serving", "ladder"),
        ("src/truetpot/stack", "serving"),
        ("src/truetpot/stack", "runtime"),
        ("src/truetpot/records", "ladder"),
        ("src/truetpot/runs", "report"),
        ("src/truetpot/runs", "cli"),
        ("src/truetpot/measure", "runs"),
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


def test_benchmarks_import_nothing_that_prints(checkout, lint_imports):
    (checkout / "benchmarks/planted.py").write_text("from truetpot.cli import main\n")
    done = lint_imports()
    assert done.returncode == 1, done.stdout
    assert "nothing is measured by what prints BROKEN" in done.stdout
    assert "-   benchmarks.planted -> truetpot.cli (l.1)" in done.stdout


def test_a_new_module_must_find_its_layer(checkout, lint_imports):
    (checkout / "src/truetpot/stray.py").touch()
    done = lint_imports()
    assert done.returncode == 1, done.stdout
    assert "stray" in done.stdout


@pytest.mark.parametrize("folder", ["src/truetpot/facts", "kernels/_lib/triton"])
def test_a_circle_is_found(checkout, lint_imports, folder):
    package = "truetpot." + folder.removeprefix("src/truetpot/").replace("/", ".")
    (checkout / folder / "one.py").write_text(f"import {package}.other\n")
    (checkout / folder / "other.py").write_text(f"def late():\n    import {package}.one\n")
    done = lint_imports()
    assert done.returncode == 1, done.stdout
    assert "no module imports what imports it BROKEN" in done.stdout
    assert f"No cycles are allowed in {package}." in done.stdout


PROVIDERS, OPERATORS = (
    "a provider's kernel imports no other provider's",
    "an operator's kernels import no other operator's",
)


@pytest.mark.parametrize(
    ("importer", "line", "broken"),
    [
        ("silu_mul/planted.py", "from truetpot.kernels.silu_mul import torch", PROVIDERS),
        ("silu_mul/planted.py", "from . import torch", PROVIDERS),
        ("silu_mul/planted.py", "import truetpot.kernels.linear.torch as linear", OPERATORS),
        ("silu_mul/planted.py", "from truetpot.kernels.linear.torch import BLOCK", OPERATORS),
        ("silu_mul/planted.py", "from truetpot.kernels import linear", OPERATORS),
        ("_lib/planted.py", "from truetpot.kernels.linear.torch import BLOCK", OPERATORS),
    ],
)
def test_an_import_of_another_kernel_is_found(checkout, lint_imports, importer, line, broken):
    (checkout / "kernels" / importer).write_text(f"{line}\n")
    done = lint_imports()
    assert done.returncode == 1, done.stdout
    assert f"{broken} BROKEN" in done.stdout
    importer = importer.removesuffix(".py").replace("/", ".")
    assert f"- truetpot.kernels.{importer} -> truetpot.kernels." in done.stdout


def test_what_several_kernels_share_is_theirs_to_import(checkout, lint_imports):
    line = "from truetpot.kernels._lib.torch.dequantise import BLOCK\n"
    (checkout / "kernels/silu_mul/planted.py").write_text(line)
    done = lint_imports()
    assert done.returncode == 0, done.stdout
