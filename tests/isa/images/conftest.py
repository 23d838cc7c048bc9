"""Small images, compiled by the offline compiler at hand."""

import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.isa.images.source import SOURCE


@pytest.fixture(scope="session")
def image(ocloc):
    """``image("name")``: (zebin for acm-g10, SPIR-V) of a kernel with this name."""

    @cache
    def make(name):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            (path / "k.cl").write_text(SOURCE.replace("NAME", name))
            done = ocloc._run(
                ["compile", "-file", "k.cl", "-device", "acm-g10", "-out_dir", "out",
                 "-internal_options", "-ze-allow-zebin"], path,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            (zebin,) = (path / "out").glob("*.bin")
            (spirv,) = (path / "out").glob("*.spv")
            return zebin.read_bytes(), spirv.read_bytes()

    return make
