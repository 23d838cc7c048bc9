"""``tools/run_tests.py`` and the hooks of ``tests/conftest.py``, on a project of three files."""

import sys

import pytest

from tests.packaging.conftest import ROOT

FILES = {
    "pyproject.toml": """
[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
markers = ["exhaustive: x", "slow: x", "timing: x"]
""",
    "tests/conftest.py": "from tests_of_truetpot import *",
    "tests/test_one.py": """
import os
import pytest

WORKER = os.environ.get("PYTEST_XDIST_WORKER")

@pytest.mark.parametrize("i", range(8))
def test_together(i, record_property):
    assert WORKER is not None
    assert os.environ["OMP_NUM_THREADS"] == "1"
    print("one runs in", WORKER)

@pytest.mark.exhaustive
def test_exhaustive():
    print("exhaustive runs")

@pytest.mark.timing
def test_alone():
    assert WORKER is None
    print("alone runs")
""",
    "tests/test_two.py": """
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("i", range(5))
def test_skipped(i):
    print("two runs")
    pytest.skip("no card here" if i else "no driver here")
""",
}


@pytest.fixture
def run_tests(tmp_path, run, monkeypatch):
    for name in ("OMP_NUM_THREADS", "PYTEST_XDIST_WORKER"):  # this test's own run may have them
        monkeypatch.delenv(name, raising=False)
    project = tmp_path / "project"
    (project / "tests").mkdir(parents=True)
    for name, text in FILES.items():
        (project / name).write_text(text)
    # under another name: the project has a folder `tests` too
    (project / "tests_of_truetpot.py").write_text((ROOT / "tests/conftest.py").read_text())

    def call(*args):
        command = [sys.executable, ROOT / "tools/run_tests.py", *args, "-n", "2", "-rP"]
        path = f"{project}:{ROOT}"
        quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist"}
        return run(*command, cwd=project, PYTHONPATH=path, **quick)

    return call


def test_parallel_ones_first_then_those_of_time_alone(run_tests):
    done = run_tests("not exhaustive", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    first, second = done.stdout.split("alone runs")
    assert first.count("one runs in") == 8
    assert len({line for line in first.splitlines() if line.startswith("one runs in")}) == 1
    assert "exhaustive runs" not in done.stdout
    assert "1 passed" in second
    lines = [line.strip() for line in first.splitlines()]
    assert lines.index("4  no card here") < lines.index("1  no driver here")


def test_no_test_at_all_is_told(run_tests):
    assert run_tests("exhaustive", "-k", "nothing").returncode == 5


def test_a_failure_of_either_run_is_one(run_tests, tmp_path):
    file = tmp_path / "project/tests/test_two.py"
    file.write_text("import pytest\n@pytest.mark.timing\ndef test_fails():\n    assert 0\n")
    done = run_tests("exhaustive or timing")
    assert done.returncode == 1
    assert done.stdout.count("exhaustive runs") == 1
