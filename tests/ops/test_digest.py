"""A kernel's digest changes with everything that it is made of, and with nothing else."""

import sys

import pytest

from truetpot.ops import registry
from truetpot.ops.digest import digest, made_of
from truetpot.ops.registry import REGISTRY, Registry

KERNEL = """
import numpy
from pathlib import Path

import helper_of_mine
from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register

SOURCE = Path(__file__).parent / "mine.cl"
COMPUTED = Path(__file__).parent / f"{helper_of_mine.NAME}.cuh"

@register(SILU_MUL, provider="mine", devices=("cpu",))
class Mine(Kernel):
    def __call__(self, *, gate_up):
        from helpers_of_mine.deep import later
        return later(gate_up)
"""
FILES = {
    "kernels/silu_mul/mine.py": KERNEL,
    "kernels/silu_mul/mine.cl": '#include "mine.clh"\n#include "vectors.clh"\n',
    "kernels/silu_mul/mine.clh": '#include "deeper.clh"\n',
    "kernels/silu_mul/deeper.clh": "int deeper;\n",
    "kernels/silu_mul/computed.cuh": "int computed;\n",
    "path/helper_of_mine.py": "from helpers_of_mine import deep\nNAME = 'computed'\n",
    "path/helpers_of_mine/__init__.py": "",
    "path/helpers_of_mine/deep.py": "from . import beside\nlater = beside.later\n",
    "path/helpers_of_mine/beside.py": "def later(x): return x\n",
}
MODULES = ("helper_of_mine", "helpers_of_mine")
OTHERS = {
    "kernels/silu_mul/another.py": "",
    "kernels/silu_mul/another.cl": "int another;\n",
    "path/helpers_of_mine/another.py": "",
    "path/another_helper.py": "",
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The kernel class, as a folder and modules on the path make it."""
    for name, text in {**FILES, **OTHERS}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    fresh = Registry()
    monkeypatch.setattr(registry, "REGISTRY", fresh)
    monkeypatch.syspath_prepend(tmp_path / "path")
    assert fresh.load_folder(tmp_path / "kernels") == []
    yield fresh.kernels()[0]
    for name in [n for n in sys.modules if n.partition(".")[0] in MODULES]:
        del sys.modules[name]


@pytest.mark.parametrize("name", FILES)
def test_an_edit_of_what_it_is_made_of(mine, tmp_path, name):
    before = digest(mine)
    assert digest(mine) == before
    edit = "edited = 1\n" if name.endswith(".py") else "// edited\n"
    (tmp_path / name).write_text(FILES[name] + edit)
    assert digest(mine) != before


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".py")])
def test_a_comment_is_no_edit(mine, tmp_path, name):
    before = digest(mine)
    (tmp_path / name).write_text(f'"""What it is."""\n\n{FILES[name]}\n# edited\n')
    assert digest(mine) == before


def test_an_edit_of_anything_else(mine, tmp_path):
    before = digest(mine)
    for name in OTHERS:
        (tmp_path / name).write_text("other = 1\n")
    assert digest(mine) == before
    files = {path.name for path in made_of(mine)}
    assert files == {name.rpartition("/")[2] for name in FILES} | {"vectors.clh", "types.clh"}


def test_a_file_that_no_longer_can_be_read_as_python(mine, tmp_path):
    before = digest(mine)
    (tmp_path / "path/helpers_of_mine/deep.py").write_text("def (:\n")
    assert digest(mine) != before


def test_where_the_files_lie_does_not_matter(mine, tmp_path, monkeypatch):
    before = digest(mine)
    moved = tmp_path / "elsewhere"
    (tmp_path / "kernels").rename(moved)
    monkeypatch.setattr(mine, "source", str(moved / "silu_mul/mine.py"))
    monkeypatch.setattr(sys.modules[mine.__module__], "__file__", mine.source)
    assert digest(mine) == before


@pytest.mark.parametrize(
    ("op", "provider", "files"),
    [
        ("linear", "opencl", ("gemv.cl", "gemm.cl", "weights.clh", "dpas.clh", "launch.py",
            "kernel.py", "build.py")),
        ("linear_silu_mul", "opencl", ("arrange.cl", "tiles.clh", "product.py")),
        ("linear", "numba", ("panels.py", "activations.py", "arithmetic.py")),
        ("linear_add", "triton", ("int4_matrix.py", "configs.py", "dependent_launch.py")),
        ("rope_append_attention", "triton", ("functions.py", "common.py")),
    ],
)  # fmt: skip
def test_built_in_kernels(op, provider, files):
    REGISTRY.load_builtin()
    found = REGISTRY.kernels(op, provider)
    if not found:
        pytest.skip(f"{provider} is not installed")
    names = {path.name for path in made_of(found[0])}
    assert {*files} <= names
    assert "registry.py" not in names
    assert digest(found[0]) != digest(REGISTRY.kernels("argmax", "torch")[0])
