import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable


class Project:
    """A git repository with an asv.conf.json, run in this environment as `-E existing` does."""

    def __init__(self, path, home):
        self.path = path
        self.env = {
            **{name: value for name, value in os.environ.items() if name[:9] != "TRUETPOT_"},
            "HOME": str(home),
            "TRUETPOT_BENCH": "small",
            "TRUETPOT_BENCH_DEVICE": "cpu",
        }
        self.git("init", "-q", "-b", "main")
        self.asv("machine", "--yes")

    def git(self, *args):
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        done = subprocess.run(
            ["git", *who, *args], cwd=self.path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message):
        """All that is there, as a commit."""
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def asv(self, *args, **variables):
        """Its output and exit code as `said` and `code`."""
        done = subprocess.run(
            [PYTHON, "-m", "asv", *map(str, args)],
            cwd=self.path,
            env={**self.env, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return SimpleNamespace(said=done.stdout, code=done.returncode)

    def run(self, commit, bench, *args, **variables):
        """`asv run` in place, kept as the result of the commit."""
        where = ["-E", f"existing:{PYTHON}", "--set-commit-hash", commit, "--show-stderr"]
        return self.asv("run", *where, "--bench", bench, *args, **variables)

    def changed(self, before, after):
        """The rows of `asv compare` for what it believes to have changed: + or -, and the name."""
        done = self.asv("compare", "--only-changed", before, after)
        assert done.code == 0, done.said
        rows = [line.split("|")[1:-1] for line in done.said.splitlines() if line.startswith("|")]
        return [(row[0].strip(), row[-1].strip()) for row in rows if row[0].strip() in ("+", "-")]

    def results(self, commit):
        """By benchmark, what asv stored: a dict of its columns."""
        (path,) = self.path.glob(f".asv/results/*/{commit[:8]}-*.json")
        stored = json.loads(path.read_text())
        columns = stored["result_columns"]
        return {
            name: dict(zip(columns, row, strict=False)) for name, row in stored["results"].items()
        }


@pytest.fixture
def new_project(tmp_path):
    """Makes a Project with the given folders and files of this checkout."""

    def make(*names):
        path, home = tmp_path / "project", tmp_path / "home"
        path.mkdir()
        home.mkdir()
        for name in names:
            source = ROOT / name
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, path / name, ignore=ignore)
            else:
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, path / name)
        return Project(path, home)

    return make


@pytest.fixture
def clone(new_project):
    """A checkout of the package that is imported here, as far as the benchmarks read it."""
    return new_project("asv.conf.json", "benchmarks", "kernels", "src")
