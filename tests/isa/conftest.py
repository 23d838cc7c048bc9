"""The offline compiler, and every OpenCL kernel of a decode step compiled with it once."""

import os
import shlex
import shutil
from functools import cache
from pathlib import Path

import pytest

from truetpot.isa.ocloc import INSTALL, Ocloc


@pytest.fixture(scope="session")
def ocloc(request, tmp_path_factory):
    """``$TRUETPOT_OCLOC``, which then has to be there (make test-isa); else ocloc, or a skip."""
    command = os.environ.get("TRUETPOT_OCLOC")
    if command is None and shutil.which("ocloc") is None:
        pytest.skip(f"there is no ocloc: {INSTALL}")
    with pytest.MonkeyPatch.context() as patch:
        cache = getattr(request.config, "cache", None)  # pytest -p no:cacheprovider has none
        folder = tmp_path_factory.mktemp("isa") if cache is None else cache.mkdir("isa")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield Ocloc(shlex.split(command or "ocloc"))


@pytest.fixture(scope="session")
def compiled(ocloc):
    """``compiled(name, function, *options, target=...)``: a test kernel's listing."""

    @cache
    def compile_one(name, function, *options, target="acm-g10"):
        source = (Path(__file__).parent / name).read_text()
        return ocloc.compile(
            source, function, ("-cl-std=CL3.0", "-cl-mad-enable", *options), target
        )

    return compile_one
