"""What stands between a fresh clone and its first command: the pins, and what the Makefile says."""

import tomllib
from pathlib import Path

import pytest
from asv.config import Config
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
UNPINNED = {"triton"}
"""torch's CUDA build, PyPI's default, asks for one release of it: a pin would contradict."""


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = sum(project["optional-dependencies"].values(), project["dependencies"])
    wanted = [r for r in map(Requirement, lines) if r.name not in UNPINNED | {"truetpot"}]
    # vendors' packages are pinned where they are asked for: they do not all go together
    wanted = [r for r in wanted if not str(r.specifier).startswith("==")]

    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, version = line.split("==")
            pins[canonicalize_name(name)] = version
    assert pins["torch"] == "2.13.0"
    assert [
        r.name for r in wanted if pins.get(canonicalize_name(r.name), "") not in r.specifier
    ] == []


@pytest.mark.parametrize(
    ("path", "environment"), [("asv.conf.json", "virtualenv"), ("asv.xpu.conf.json", "existing")]
)
def test_asv_reads_its_configuration(path, environment):
    config = Config.load(ROOT / path)
    assert config.environment_type == environment
    assert config.launch_method == "spawn"


def test_an_old_python_is_refused_in_one_sentence(checkout, run):
    done = run("make", "venv", "PYTHON3=false", cwd=checkout)
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert not (checkout / ".venv").exists()


def test_an_environment_that_lacks_something_is_left_alone(checkout, environment, run):
    pyproject = checkout / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"numpy>=2.0"', '"numpy>=99", "absent"'))
    done = run("make", "decode", f"PYTHON={environment}", cwd=checkout)
    assert done.returncode == 2
    assert "lacks: absent, numpy>=99 (has " in done.stderr
    assert run(environment, "-c", "import truetpot").returncode != 0


def test_an_environment_that_has_all_gets_the_package_only(checkout, environment, run):
    def others():
        lines = run(environment, "-m", "pip", "list", "--format=freeze").stdout.splitlines()
        return [line for line in lines if not line.startswith("truetpot==")]

    before = others()
    for _ in range(2):
        done = run("make", "decode", "ARGS=--help", f"PYTHON={environment}", cwd=checkout)
        assert done.returncode == 0, done.stderr
    assert "Installing" not in done.stdout, "the second call had nothing to install"
    assert others() == before
    where = run(environment, "-c", "import truetpot.kernels as k; print(k.__file__)").stdout
    assert where.startswith(str(checkout))


def test_the_two_sources_of_torch_exclude_each_other(checkout, run):
    done = run("make", "venv", "PYTHON=python3", "TORCH=xpu", cwd=checkout)
    assert done.returncode == 2
    assert "leave out TORCH=xpu" in done.stderr
