"""`python -m benchmarks gate`, as it is typed: two commits are built, timed in turn, judged."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import truetpot

TOOLS = ("__init__", "__main__", "offered", "size")
"""Of `benchmarks`, what gate itself needs beside `daily`."""
BENCHMARK = """
import time

import kern

def measured():
    began = time.thread_time()
    kern.run()
    return time.thread_time() - began

class Bridge:
    version = "1"
    unit = "seconds"
    params = (["cpu"],)
    param_names = ("device",)

    def track_device_time(self, device):
        return {"samples": [measured() for _ in range(10)], "number": 1}

    track_device_time.rounds = 3
"""
KERN = """
import time

def run():
    end = time.thread_time() + LASTS_S
    while time.thread_time() < end:
        pass
"""
SETUP = "from setuptools import setup\nsetup(name='truetpot', version='1', py_modules=['kern'])\n"
KERNEL = "kernels/silu_mul/numba.py"
LASTING = """

# It goes on until a moment has come: more work would take more or less by what runs beside it.
import time

_shorter = NumbaSiluMul.__call__


def _lasting(self, **given):
    end = time.perf_counter() + LASTS_S
    out = _shorter(self, **given)
    while time.perf_counter() < end:
        pass
    return out


NumbaSiluMul.__call__ = _lasting
"""


def without_network(project):
    """asv builds environments that install nothing but the commit, and lend what is here."""
    lent = [sysconfig.get_path("purelib"), str(Path(truetpot.__file__).parents[1])]
    lend = project.path / "lend.py"
    lend.write_text(
        "import pathlib, sysconfig\n"
        "at = pathlib.Path(sysconfig.get_path('purelib'), 'lent.pth')\n"
        f"at.write_text({''.join(f'{path}{chr(10)}' for path in lent)!r})\n"
    )
    build = f"{sys.executable} -m pip wheel --no-deps --no-build-isolation -w {{build_cache_dir}}"
    install = "in-dir={env_dir} python -m pip install --no-deps {wheel_file}"
    config = project.path / "asv.conf.json"
    text, changed = config.read_text(), 0
    for name, commands in (
        ("build_command", [f"{build} {{build_dir}}"]),
        ("install_command", [install, f"python {lend}"]),
    ):
        line = f'"{name}": {commands},'.replace("'", '"')
        text, times = re.subn(rf'"{name}": \[.*\],', lambda _, line=line: line, text)
        changed += times
    assert changed == 2
    config.write_text(text)
    return project


def gate(project, *words):
    """What it prints, and its exit code."""
    command = [sys.executable, "-m", "benchmarks", "gate", *words]
    done = subprocess.run(
        command, cwd=project.path, env=project.env, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr, done.returncode


def named(said):
    """The lines that name a benchmark: word, ratio, name."""
    lines = re.findall(r"^(again|slower|faster) +(\d+\.\d+)  (\S.*?\))", said, re.MULTILINE)
    return [(word, float(ratio), name) for word, ratio, name in lines]


@pytest.mark.slow
def test_a_quarter_more_is_seen_and_an_equal_commit_passes(new_project):
    """Of a kernel that is timed by the processor's clock, so that no neighbour changes its time."""
    own = (f"benchmarks/{name}.py" for name in TOOLS)
    project = new_project("asv.conf.json", "constraints.txt", "benchmarks/daily", *own)
    without_network(project)
    (project.path / "benchmarks" / "bridge.py").write_text(BENCHMARK)
    (project.path / "setup.py").write_text(SETUP)
    kern = project.path / "kern.py"
    kern.write_text(KERN.replace("LASTS_S", "20e-3"))
    base = project.commit("base")
    (project.path / "README").write_text("The same kernel.\n")
    equal = project.commit("equal")
    kern.write_text(KERN.replace("LASTS_S", "25e-3"))
    slower = project.commit("slower")

    said, code = gate(project, base, equal)
    assert code == 0, said
    assert "\n1 of 1 benchmarks have not changed beyond their threshold\n" in said
    assert named(said) == []

    said, code = gate(project, base, slower)
    assert code == 1, said
    name = "bridge.Bridge.track_device_time('cpu')"
    assert [(word, which) for word, _, which in named(said)] == [("again", name), ("slower", name)]
    assert all(1.2 <= ratio < 1.3 for _, ratio, _ in named(said)), said


@pytest.mark.timing
@pytest.mark.exhaustive  # the way from a kernel to its samples; the rest of it is above
def test_the_small_profile_sees_a_kernel_of_a_quarter_more(new_project):
    project = without_network(
        new_project(
            "asv.conf.json", "constraints.txt", "setup.py", "pyproject.toml", "README.md",
            "LICENSE", "benchmarks", "kernels", "src",
        )
    )  # fmt: skip
    plain = (project.path / KERNEL).read_text()
    commits = []
    for lasts in ("2.0e-3", "2.5e-3"):
        (project.path / KERNEL).write_text(plain + LASTING.replace("LASTS_S", lasts))
        commits.append(project.commit(lasts))
    said, code = gate(project, *commits, "--op", "silu_mul", "--provider", "numba")
    assert code == 1, said
    name = "small_ops.SiluMul.track_device_time('cpu', 'numba')"
    assert [(word, which) for word, _, which in named(said)] == [("again", name), ("slower", name)]
    assert all(1.2 <= ratio < 1.35 for _, ratio, _ in named(said)), said
