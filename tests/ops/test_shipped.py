"""The tuned files that are part of the package are of the kernels that are there."""

from pathlib import Path

import msgspec
import pytest

import truetpot
from truetpot.ops import tuned
from truetpot.ops.digest import digest
from truetpot.ops.registry import REGISTRY
from truetpot.records.tuned import TunedEntry

FILES = sorted((Path(truetpot.__file__).parent / "tuned").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_entry_is_of_the_kernel_as_it_is(file):
    """Else it would be passed over, with a line to each user: tune it again, or take it out."""
    REGISTRY.load_builtin()
    tables = tuned.read(file)
    assert tables
    for op, providers in tables.items():
        for provider, cases in providers.items():
            [kernel] = REGISTRY.kernels(op, provider)
            for case, entry in cases.items():
                of = msgspec.convert(entry, TunedEntry)
                assert of.source == digest(kernel), (op, provider, case)
