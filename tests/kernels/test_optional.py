"""Vendors' packages: imported when asked for, and a broken one is a line, not a failure."""

import json
import os
import subprocess
import sys

import pytest

PACKAGES = (
    "ipex_llm", "xe_linear", "xe_batch", "xe_addons", "vllm_xpu_kernels", "auto_round_kernel",
    "intel_extension_for_pytorch",
)  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Run Python where every vendor's package is there and none can be imported."""
    log = tmp_path / "imported"
    for name in PACKAGES:
        package = tmp_path / "site" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(
            f"open({str(log)!r}, 'a').write('{name} ')\n"
            "raise RuntimeError('built for another torch\\nand more of it')\n"
        )

    def call(*command):
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
        done = subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, log.read_text().split() if log.exists() else []

    return call


def test_other_providers_import_none_of_them(run):
    code = """
from truetpot.ops import OPERATORS
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
REGISTRY.load_builtin()
for op in OPERATORS.values():
    for provider in ("numba", "torch"):
        REGISTRY.choose(op.name, next(iter(op.grid())), choose_device("cpu"), provider)
"""
    _, imported = run("-c", code)
    assert imported == []


def test_a_broken_one_is_one_line_among_the_providers(run):
    out, imported = run("-m", "truetpot", "providers", "--device", "cpu", "--json")
    rows = json.loads(out)["kernels"]
    assert any(row["available"] and row["provider"] == "torch" for row in rows)
    (auto_round,) = (row for row in rows if row["provider"] == "auto_round")
    assert auto_round["reason"] == "auto_round_kernel cannot be imported: built for another torch"
    for row in rows:
        assert "\n" not in row["reason"]
        assert not row["available"] or row["provider"] not in ("ipex_llm", "vllm_xpu")
    # what runs on another device is not asked, and ipex_llm is opened by its path, never imported
    assert set(imported) <= {"auto_round_kernel", "intel_extension_for_pytorch"}
