"""Kernels from outside of the tree: from a folder, and from another installed package."""

import textwrap
from pathlib import Path

import pytest

from tests.prepared import check
from truetpot.ops import SILU_MUL, SiluMulCase, registry
from truetpot.ops.registry import Registry
from truetpot.runtime.choose import choose_device

EXAMPLES = Path(__file__).parents[2] / "examples" / "my_kernels"


@pytest.fixture
def fresh(monkeypatch):
    empty = Registry()
    monkeypatch.setattr(registry, "REGISTRY", empty)
    return empty


def test_the_example_folder(fresh):
    fresh.load_folder(EXAMPLES)
    assert fresh.missing() == []
    cpu = choose_device("cpu")
    for case in SILU_MUL.grid():
        kernel = fresh.build("silu_mul", "mine", case, cpu)
        found = check(kernel, case)
        assert found.ok, found.reason
    assert type(kernel).__name__ == "MySiluMul"
    assert kernel.source == str(EXAMPLES / "silu_mul" / "mine.py")
    many = SiluMulCase("bf16", 65, 64)
    assert fresh.choose("silu_mul", many, cpu, "mine").reason == "written for up to 64 rows"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package with kernels, as pip would leave it on the path."""
    info = tmp_path / "someones_kernels-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someones-kernels\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[truetpot.kernels]\ngood = someones_kernels\nbad = someones_kernels.not_there\n"
    )
    (tmp_path / "someones_kernels.py").write_text(
        textwrap.dedent(
            """
            import torch
            from truetpot.ops import ARGMAX
            from truetpot.ops.registry import Kernel, register

            @register(ARGMAX, provider="someone", devices=("cpu",))
            class Theirs(Kernel):
                def __call__(self, *, logits):
                    return logits.float().max(dim=1).indices
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_an_entry_point(fresh):
    fresh.load_builtin()
    (kernel,) = fresh.kernels("argmax", "someone")
    cpu = choose_device("cpu")
    for case in kernel.op.grid():
        assert check(kernel(case, cpu), case).ok
    (missing,) = [m for m in fresh.missing() if m.op == "(entry point)"]
    assert missing.provider == "bad"
    assert "someones_kernels" in missing.reason
